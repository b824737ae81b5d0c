/** Compares a return value, piece by piece, with the one that the callTracer gave; holds no copy of it. */
export class ReturnValueCheck {
  private expected = "0x";
  private received = 0;
  private firstByte = 0;
  private prefixed = false;
  private equal = true;

  /** `expected`: 0x + hex; null when empty. */
  begin(expected: string | null): void {
    this.expected = expected ?? "0x";
    this.received = 0;
    this.prefixed = false;
    this.equal = true;
  }

  take(bytes: Uint8Array, start: number, stop: number): void {
    for (let i = start; i < stop; i++) this.takeByte(bytes[i]!);
  }

  /** Bytes of the value, a 0x before it not counted. */
  get bytes(): number {
    return (this.received - (this.prefixed ? 2 : 0)) / 2;
  }

  /** What differs; null if nothing does. */
  wrong(): { expected: string; actual: string } | null {
    const expectedBytes = (this.expected.length - 2) / 2;
    if (this.equal && this.bytes === expectedBytes) return null;
    return {
      expected: `${expectedBytes} bytes as in the callTracer`,
      actual: this.bytes === expectedBytes ? "other bytes" : `${this.bytes} bytes`,
    };
  }

  private takeByte(byte: number): void {
    const at = this.received++;
    if (at === 0) {
      this.firstByte = byte;
    } else if (at === 1) {
      // Old clients send no prefix; "x" is no hex digit, so the second byte tells.
      this.prefixed = byte === 120 && this.firstByte === 48;
      if (!this.prefixed) this.compare(2, this.firstByte);
      if (!this.prefixed) this.compare(3, byte);
    } else {
      this.compare(this.prefixed ? at : at + 2, byte);
    }
  }

  private compare(at: number, byte: number): void {
    // Upper and lower case are one digit.
    const lower = byte >= 65 && byte <= 70 ? byte + 32 : byte;
    if (this.expected.charCodeAt(at) !== lower) this.equal = false;
  }
}
