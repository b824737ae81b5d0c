const QUOTE = 34;
const BACKSLASH = 92;

/** Passes over one JSON value chunk by chunk, whatever it is, in constant memory. Brackets are counted, not matched. */
export class ValueSkipper {
  private depth = 0;
  private inString = false;
  private escaped = false;

  begin(): void {
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
  }

  /** Goes on from `from`; gives the place after the value, or -1 where the chunk ends before it does. */
  skip(bytes: Uint8Array, from: number, end: number): number {
    let i = from;
    while (i < end) {
      if (this.inString) {
        i = this.skipString(bytes, i, end);
        if (!this.inString && this.depth === 0) return i;
        continue;
      }
      const c = bytes[i]!;
      if (c === QUOTE) {
        this.inString = true;
      } else if (c === 123 || c === 91) {
        this.depth++;
      } else if (c === 125 || c === 93) {
        // At depth 0 the bracket belongs to what is around a number or literal.
        if (this.depth === 0) return i;
        this.depth--;
        if (this.depth === 0) return i + 1;
      } else if (c === 44 && this.depth === 0) {
        return i;
      }
      i++;
    }
    return -1;
  }

  /** Goes on inside a string; gives the place after it, or the end of the chunk. */
  private skipString(bytes: Uint8Array, from: number, end: number): number {
    for (let i = from; i < end; i++) {
      const c = bytes[i];
      if (this.escaped) {
        this.escaped = false;
      } else if (c === BACKSLASH) {
        this.escaped = true;
      } else if (c === QUOTE) {
        this.inString = false;
        return i + 1;
      }
    }
    return end;
  }
}
