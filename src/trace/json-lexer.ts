import { ByteWindow } from "./byte-window.ts";
import { decodeUtf8, isNumberByte, isSpace, unescape, wholeEscapesEnd } from "./json-text.ts";
import {
  ARRAY_END,
  ARRAY_START,
  FALSE,
  KEY,
  NEED_MORE,
  NULL,
  NUMBER,
  OBJECT_END,
  OBJECT_START,
  SKIPPED,
  STRING,
  STRING_PART,
  TRUE,
} from "./json-tokens.ts";
import { TraceRejected } from "./trace-rejected.ts";
import { ValueSkipper } from "./value-skipper.ts";

const EXPECT_VALUE = 0;
const EXPECT_VALUE_OR_END = 1;
const EXPECT_KEY = 2;
const EXPECT_KEY_OR_END = 3;
const EXPECT_COMMA_OR_END = 4;
const EXPECT_NOTHING = 5;

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN = 123;
const INITIAL_NESTING = 64;
const MAXIMUM_NESTING = 4096;

/**
 * Reads JSON as bytes in chunks of any size, token by token, without building values. Memory: one token.
 * A token cut by the end of a chunk is read again from its first byte with the next chunk.
 * @throws {TraceRejected} trace_malformed on bytes that are no JSON.
 */
export class JsonLexer extends ByteWindow {
  /** The token's bytes are source[start, stop): of strings and keys what stands between the quotes, unescaped. */
  source: Uint8Array = this.bytes;
  start = 0;
  stop = 0;
  private escaped = false;
  private expect = EXPECT_VALUE;
  private nesting = new Uint8Array(INITIAL_NESTING);
  private depth = 0;
  private streaming = false;
  private insideString = false;
  private skipping = false;
  private readonly skipper = new ValueSkipper();

  /** @throws {TraceRejected} trace_cut unless the document is whole. */
  finish(): void {
    if (this.expect !== EXPECT_NOTHING || this.skipping || this.insideString) {
      throw new TraceRejected({
        kind: "trace_cut",
        check: "json",
        reason: `the answer ends before its JSON does, after ${this.received} bytes`,
      });
    }
  }

  /** Passes over the next value whatever it is, in constant memory; `next` then gives SKIPPED. */
  skipValue(): void {
    this.skipping = true;
    this.skipper.begin();
  }

  /** Gives the next value, if it is a string, in pieces. */
  streamString(): void {
    this.streaming = true;
  }

  next(): number {
    if (this.skipping) return this.skip();
    if (this.insideString) return this.nextPart();
    const bytes = this.bytes;
    const { end } = this;
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

  /** Goes to `position`, right after a value that somebody else has read. */
  passValue(position: number): void {
    this.position = position;
    this.expect = EXPECT_COMMA_OR_END;
  }

  /** The same after the object that was begun last. */
  endObject(position: number): void {
    this.depth--;
    this.passValue(position);
  }

  /** Where `,{` stands right after the object that ended, goes behind it, into the next one. */
  nextObject(): boolean {
    const { bytes, position } = this;
    if (position + 1 >= this.end || bytes[position] !== COMMA || bytes[position + 1] !== OPEN) {
      return false;
    }
    this.position = position + 2;
    this.depth++;
    this.expect = EXPECT_KEY_OR_END;
    return true;
  }

  /** Goes back to `position`, right after the `{` of the object that was begun last. */
  reopenObject(position: number): void {
    this.position = position;
    this.expect = EXPECT_KEY_OR_END;
  }

  /** The first byte of the next value without taking it; -1: more bytes are needed. */
  peek(): number {
    while (this.position < this.end) {
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
    while (i < this.end && isSpace(this.bytes[i]!)) i++;
    if (i >= this.end) return NEED_MORE;
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
    while (i < this.end && isNumberByte(bytes[i]!)) i++;
    if (i >= this.end) return NEED_MORE;
    this.source = bytes;
    this.start = this.position;
    this.stop = i;
    this.position = i;
    return this.valueDone(NUMBER);
  }

  private literal(word: string, token: number): number {
    const left = this.end - this.position;
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
    const { end } = this;
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
    const { end } = this;
    // An escape is never cut: its first bytes wait for the rest.
    const keepFrom = this.escaped ? wholeEscapesEnd(this.bytes, this.position, end) : end;
    if (keepFrom === this.position) return NEED_MORE;
    this.setToken(this.position, keepFrom);
    this.position = keepFrom;
    return STRING_PART;
  }

  private skip(): number {
    const place = this.skipper.skip(this.bytes, this.position, this.end);
    this.position = place < 0 ? this.end : place;
    if (place < 0) return NEED_MORE;
    this.skipping = false;
    return this.valueDone(SKIPPED);
  }
}
