import { malformed, TraceRejected } from "./trace-rejected.ts";

/** Kinds of token. NEED_MORE: the chunk is used up, feed the next one. */
export const NEED_MORE = 0;
export const KEY = 1;
export const STRING = 2;
/** A piece of a string that `streamString` asked for; its last piece comes as STRING. */
export const STRING_PART = 3;
export const NUMBER = 4;
export const TRUE = 5;
export const FALSE = 6;
export const NULL = 7;
export const OBJECT_START = 8;
export const OBJECT_END = 9;
export const ARRAY_START = 10;
export const ARRAY_END = 11;
export const SKIPPED = 12;

const EXPECT_VALUE = 0;
const EXPECT_VALUE_OR_END = 1;
const EXPECT_KEY = 2;
const EXPECT_KEY_OR_END = 3;
const EXPECT_COMMA_OR_END = 4;
const EXPECT_NOTHING = 5;

const QUOTE = 34;
const BACKSLASH = 92;
/** A single token longer than this is no trace; what may be long is skipped or read in pieces. */
const MAXIMUM_TOKEN_BYTES = 4 * 1024 * 1024;
const INITIAL_NESTING = 64;
const MAXIMUM_NESTING = 4096;

/**
 * Reads JSON as bytes in chunks of any size, token by token, without building values. Memory: one token.
 * A token cut by the end of a chunk is read again from its first byte with the next chunk.
 * @throws {TraceRejected} trace_malformed on bytes that are no JSON.
 */
export class JsonLexer {
  bytes: Uint8Array = new Uint8Array(0);
  /** The token's bytes are source[start, stop): of strings and keys what stands between the quotes, unescaped. */
  source: Uint8Array = this.bytes;
  start = 0;
  stop = 0;
  private escaped = false;
  /** Place in `bytes` of the next byte. */
  position = 0;
  private consumedBefore = 0;
  private expect = EXPECT_VALUE;
  private nesting = new Uint8Array(INITIAL_NESTING);
  private depth = 0;
  private streaming = false;
  private insideString = false;
  private skipping = false;
  private skipDepth = 0;
  private skipString = false;
  private skipEscape = false;

  /** Takes the next chunk; what was left of the last one goes before it. */
  feed(chunk: Uint8Array): void {
    const left = this.bytes.length - this.position;
    this.consumedBefore += this.position;
    if (left === 0) {
      this.bytes = chunk;
    } else {
      if (left > MAXIMUM_TOKEN_BYTES) throw this.fail("a value is too long");
      const joined = new Uint8Array(left + chunk.length);
      joined.set(this.bytes.subarray(this.position));
      joined.set(chunk, left);
      this.bytes = joined;
    }
    this.position = 0;
  }

  /** @throws {TraceRejected} trace_cut unless the document is whole. */
  finish(): void {
    if (this.expect !== EXPECT_NOTHING || this.skipping || this.insideString) {
      throw new TraceRejected({
        kind: "trace_cut",
        check: "json",
        reason: `the answer ends before its JSON does, after ${this.consumedBefore + this.bytes.length} bytes`,
      });
    }
  }

  /** Passes over the next value whatever it is, in constant memory; `next` then gives SKIPPED. */
  skipValue(): void {
    this.skipping = true;
    this.skipDepth = 0;
    this.skipString = false;
    this.skipEscape = false;
  }

  /** Gives the next value, if it is a string, in pieces. */
  streamString(): void {
    this.streaming = true;
  }

  fail(reason: string): TraceRejected {
    return malformed("json", `${reason}, at byte ${this.consumedBefore + this.position}`);
  }

  next(): number {
    if (this.skipping) return this.skip();
    if (this.insideString) return this.nextPart();
    const bytes = this.bytes;
    const end = bytes.length;
    for (;;) {
      if (this.position >= end) return NEED_MORE;
      const c = bytes[this.position]!;
      if (c === 32 || c === 10 || c === 13 || c === 9) {
        this.position++;
        continue;
      }
      switch (this.expect) {
        case EXPECT_COMMA_OR_END:
          if (c === 44) {
            this.position++;
            this.expect = this.nesting[this.depth - 1] === 1 ? EXPECT_KEY : EXPECT_VALUE;
            continue;
          }
          return this.close(c);
        case EXPECT_KEY:
        case EXPECT_KEY_OR_END:
          if (c === QUOTE) return this.key();
          if (this.expect === EXPECT_KEY_OR_END) return this.close(c);
          throw this.fail("a key is missing");
        case EXPECT_VALUE_OR_END:
          if (c === 93) return this.close(c);
          return this.value(c);
        case EXPECT_VALUE:
          return this.value(c);
        default:
          throw this.fail("bytes follow the end of the JSON");
      }
    }
  }

  /** The token's text. */
  text(): string {
    return decodeUtf8(this.source, this.start, this.stop);
  }

  /**
   * Reads an array of strings in one go and leaves the place of its last strings in `words`.
   * False: more bytes are needed, or (see `lastWordsAbsent`) the value is no array.
   */
  readWords(words: LastWords): boolean {
    const bytes = this.bytes;
    const end = bytes.length;
    let i = this.position;
    while (i < end && isSpace(bytes[i]!)) i++;
    if (i >= end) return false;
    if (bytes[i] !== 91) throw this.fail("an array of words is missing");
    i++;
    let count = 0;
    const { starts, stops } = words;
    let separated = true;
    for (; i < end; i++) {
      const c = bytes[i]!;
      if (c === QUOTE) {
        if (!separated) throw this.fail("a comma is missing between words");
        separated = false;
        const start = ++i;
        while (i < end && bytes[i] !== QUOTE) i++;
        const slot = count & 7;
        starts[slot] = start;
        stops[slot] = i;
        count++;
      } else if (c === 44) {
        if (separated) throw this.fail("a word is missing");
        separated = true;
      } else if (c === 93) {
        if (separated && count > 0) throw this.fail("a word is missing");
        words.count = count;
        this.position = i + 1;
        this.expect = EXPECT_COMMA_OR_END;
        return true;
      } else if (!isSpace(c)) {
        throw this.fail("a word is no string");
      }
    }
    return false;
  }

  /** Says that the object whose start was the last token ends before `position`: somebody else has read it. */
  endObject(position: number): void {
    this.position = position;
    this.depth--;
    this.valueDone(OBJECT_END);
  }

  /** Goes back to `position`, right after the `{` of the object that was begun last. */
  reopenObject(position: number): void {
    this.position = position;
    this.expect = EXPECT_KEY_OR_END;
  }

  /** The first byte of the next value without taking it; -1: more bytes are needed. */
  peek(): number {
    while (this.position < this.bytes.length) {
      const c = this.bytes[this.position]!;
      if (!isSpace(c)) return c;
      this.position++;
    }
    return -1;
  }

  private setToken(start: number, stop: number): void {
    this.source = this.bytes;
    this.start = start;
    this.stop = stop;
    if (!this.escaped) return;
    this.source = Buffer.from(unescape(decodeUtf8(this.bytes, start, stop)));
    this.start = 0;
    this.stop = this.source.length;
  }

  private key(): number {
    const close = this.findQuote(this.position + 1);
    if (close < 0) return NEED_MORE;
    let i = close + 1;
    while (i < this.bytes.length && isSpace(this.bytes[i]!)) i++;
    if (i >= this.bytes.length) return NEED_MORE;
    if (this.bytes[i] !== 58) throw this.fail("a colon is missing");
    this.setToken(this.position + 1, close);
    this.position = i + 1;
    this.expect = EXPECT_VALUE;
    return KEY;
  }

  private value(c: number): number {
    if (c === QUOTE) {
      if (this.streaming) {
        this.streaming = false;
        this.insideString = true;
        this.position++;
        return this.nextPart();
      }
      const close = this.findQuote(this.position + 1);
      if (close < 0) return NEED_MORE;
      this.setToken(this.position + 1, close);
      this.position = close + 1;
      return this.valueDone(STRING);
    }
    this.streaming = false;
    if (c === 123) return this.open(1, EXPECT_KEY_OR_END, OBJECT_START);
    if (c === 91) return this.open(2, EXPECT_VALUE_OR_END, ARRAY_START);
    if (c === 45 || (c >= 48 && c <= 57)) return this.number();
    if (c === 116) return this.literal("true", TRUE);
    if (c === 102) return this.literal("false", FALSE);
    if (c === 110) return this.literal("null", NULL);
    throw this.fail("a value is missing");
  }

  private open(kind: number, expect: number, token: number): number {
    if (this.depth >= MAXIMUM_NESTING) throw this.fail("values are nested too deeply");
    if (this.depth === this.nesting.length) {
      const larger = new Uint8Array(this.depth * 2);
      larger.set(this.nesting);
      this.nesting = larger;
    }
    this.nesting[this.depth++] = kind;
    this.expect = expect;
    this.position++;
    return token;
  }

  private close(c: number): number {
    const kind = this.depth > 0 ? this.nesting[this.depth - 1] : 0;
    if (!((c === 125 && kind === 1) || (c === 93 && kind === 2))) {
      throw this.fail("a comma or a closing bracket is missing");
    }
    this.depth--;
    this.position++;
    return this.valueDone(c === 125 ? OBJECT_END : ARRAY_END);
  }

  private valueDone(token: number): number {
    this.expect = this.depth === 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
    return token;
  }

  private number(): number {
    const bytes = this.bytes;
    let i = this.position + 1;
    while (i < bytes.length && isNumberByte(bytes[i]!)) i++;
    if (i >= bytes.length) return NEED_MORE;
    this.source = bytes;
    this.start = this.position;
    this.stop = i;
    this.position = i;
    return this.valueDone(NUMBER);
  }

  private literal(word: string, token: number): number {
    const left = this.bytes.length - this.position;
    for (let i = 0; i < Math.min(word.length, left); i++) {
      if (this.bytes[this.position + i] !== word.charCodeAt(i))
        throw this.fail("a value is missing");
    }
    if (left < word.length) return NEED_MORE;
    this.position += word.length;
    return this.valueDone(token);
  }

  /** The closing quote from `i` on; -1 if the chunk ends before it. */
  private findQuote(i: number): number {
    const bytes = this.bytes;
    const end = bytes.length;
    this.escaped = false;
    for (; i < end; i++) {
      const c = bytes[i]!;
      if (c === QUOTE) return i;
      if (c === BACKSLASH) {
        this.escaped = true;
        i++;
      } else if (c < 32) {
        throw this.fail("a control character stands in a string");
      }
    }
    return -1;
  }

  private nextPart(): number {
    const close = this.findQuote(this.position);
    if (close >= 0) {
      this.setToken(this.position, close);
      this.position = close + 1;
      this.insideString = false;
      return this.valueDone(STRING);
    }
    const end = this.bytes.length;
    // An escape is never cut: its first bytes wait for the rest.
    const keepFrom = this.escaped ? this.lastEscape(end) : end;
    if (keepFrom === this.position) return NEED_MORE;
    this.setToken(this.position, keepFrom);
    this.position = keepFrom;
    return STRING_PART;
  }

  private lastEscape(end: number): number {
    for (let i = this.position; i < end; i++) {
      if (this.bytes[i] !== BACKSLASH) continue;
      const length = this.bytes[i + 1] === 117 ? 6 : 2;
      if (i + length > end) return i;
      i += length - 1;
    }
    return end;
  }

  private skip(): number {
    const bytes = this.bytes;
    const end = bytes.length;
    let i = this.position;
    while (i < end) {
      if (this.skipString) {
        i = this.skipInString(i);
        if (!this.skipString && this.skipDepth === 0) return this.skipped(i);
        continue;
      }
      const c = bytes[i]!;
      if (c === QUOTE) {
        this.skipString = true;
      } else if (c === 123 || c === 91) {
        this.skipDepth++;
      } else if (c === 125 || c === 93) {
        // At depth 0 the bracket belongs to what is around a number or literal.
        if (this.skipDepth === 0) return this.skipped(i);
        this.skipDepth--;
        if (this.skipDepth === 0) return this.skipped(i + 1);
      } else if (c === 44 && this.skipDepth === 0) {
        return this.skipped(i);
      }
      i++;
    }
    this.position = end;
    return NEED_MORE;
  }

  /** Goes on inside a string that is passed over; gives the place after it, or the end of the chunk. */
  private skipInString(from: number): number {
    const bytes = this.bytes;
    for (let i = from; i < bytes.length; i++) {
      const c = bytes[i];
      if (this.skipEscape) {
        this.skipEscape = false;
      } else if (c === BACKSLASH) {
        this.skipEscape = true;
      } else if (c === QUOTE) {
        this.skipString = false;
        return i + 1;
      }
    }
    return bytes.length;
  }

  private skipped(position: number): number {
    this.position = position;
    this.skipping = false;
    return this.valueDone(SKIPPED);
  }
}

/** Places of the last eight strings of an array, by count modulo 8. */
export class LastWords {
  count = 0;
  readonly starts = new Uint32Array(8);
  readonly stops = new Uint32Array(8);
}

function decodeUtf8(bytes: Uint8Array, start: number, stop: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("utf8", start, stop);
}

function isSpace(c: number): boolean {
  return c === 32 || c === 10 || c === 13 || c === 9;
}

function isNumberByte(c: number): boolean {
  return (c >= 48 && c <= 57) || c === 46 || c === 45 || c === 43 || c === 101 || c === 69;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, code?: string, simple?: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    const plain = simpleEscapes[simple ?? ""];
    if (plain === undefined) throw malformed("json", "an unknown escape stands in a string");
    return plain;
  });
}
