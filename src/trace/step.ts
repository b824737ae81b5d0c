/** A word of the stack with more than 13 hex digits counts as this: no gas, size or place in code reaches it. */
export const HUGE_WORD = 2 ** 60;
const EXACT_DIGITS = 13;
/** Words from the top that a step keeps at most. */
export const WORDS_KEPT = 8;

/** One struct log, reused from step to step. */
export class Step {
  index = 0;
  pc = 0;
  /** Operation id (opcodes.ts). */
  op = 0;
  gas = 0;
  /** As the node gives it; may lie above `gas`. */
  gasCost = 0;
  depth = 0;
  /** NaN: outside UInt64; -1: `exactRefund` holds it. */
  refund = 0;
  exactRefund = 0n;
  /** Text of the node; null if it gave none. */
  error: string | null = null;
  /** Words on the stack; -1 if the trace has none. */
  height = -1;
  /** The top words, [0] = top; only as many as the opcode needs. Above 13 digits: HUGE_WORD. */
  readonly words = new Float64Array(WORDS_KEPT);
  /** Significant hex digits of those words. */
  readonly digits = new Uint8Array(WORDS_KEPT);
  /** Low 40 hex digits of the top word and the one below where `words` does not hold them: right-aligned ASCII. */
  private readonly addresses = Buffer.alloc(80, 48);

  clear(): void {
    this.pc = -1;
    this.op = 0;
    this.gas = -1;
    this.gasCost = -1;
    this.depth = -1;
    this.refund = 0;
    this.error = null;
    this.height = -1;
  }

  /** Takes over all but the words. */
  copyFrom(step: Step): void {
    this.index = step.index;
    this.pc = step.pc;
    this.op = step.op;
    this.gas = step.gas;
    this.gasCost = step.gasCost;
    this.depth = step.depth;
    this.refund = step.refund;
    this.exactRefund = step.exactRefund;
    this.error = step.error;
    this.height = step.height;
  }

  /** What the step's gas cost once capped to the gas it had (D27). */
  get cappedGasCost(): number {
    return this.gasCost > this.gas ? this.gas : this.gasCost;
  }

  /** 0x + 40 hex of word 0 or 1. */
  address(word: 0 | 1): string {
    if (this.digits[word]! <= EXACT_DIGITS) {
      return `0x${this.words[word]!.toString(16).padStart(40, "0")}`;
    }
    return `0x${this.addresses.toString("latin1", word * 40, word * 40 + 40).toLowerCase()}`;
  }

  /** Reads word `slot` from its hex digits, prefix left out; false if they are no word of 32 bytes. */
  setWord(slot: number, bytes: Uint8Array, start: number, stop: number): boolean {
    if (start > stop) return false;
    let first = start;
    while (first < stop && bytes[first] === 48) first++;
    const digits = stop - first;
    if (digits > 64) return false;
    this.digits[slot] = digits;
    if (digits > EXACT_DIGITS) {
      if (slot < 2) this.copyAddress(slot, bytes, first, stop);
      this.words[slot] = HUGE_WORD;
      return true;
    }
    let value = 0;
    for (let i = first; i < stop; i++) {
      const digit = hexValue[bytes[i]!]!;
      if (digit > 15) return false;
      value = value * 16 + digit;
    }
    this.words[slot] = value;
    return true;
  }

  private copyAddress(slot: number, bytes: Uint8Array, first: number, stop: number): void {
    const target = this.addresses;
    const end = slot * 40 + 40;
    let to = end;
    let from = stop;
    while (to > end - 40 && from > first) target[--to] = bytes[--from]!;
    while (to > end - 40) target[--to] = 48;
  }
}

/** Value of an ASCII hex digit; 255 for every other byte. */
export const hexValue = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  hexValue[text.charCodeAt(0)] = digit;
  hexValue[text.toUpperCase().charCodeAt(0)] = digit;
}
