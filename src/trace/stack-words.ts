import type { JsonLexer } from "./json-lexer.ts";
import { isSpace } from "./json-text.ts";

const QUOTE = 34;
const COMMA = 44;
const OPEN = 91;
const CLOSE = 93;
/** The EVM's stack holds no more. */
const MAXIMUM_WORDS = 1024;
const NEVER = -1;

/**
 * Reads arrays of words, one after another, and keeps where those of the last one stand. Most of a trace's bytes are
 * words that stand as they stood a step before (measured: 250 of 325 a step): an array whose bytes begin as the last
 * one's did begins with the same words, and those are not read again. Every skipped byte is compared, eight at a time,
 * and nothing is taken from what an opcode should have done, so `count` is what stands in the answer.
 */
export class StackWords {
  /** Words of the array that was read last. */
  count = 0;
  /** Place of its bracket in the lexer's bytes. */
  private place = 0;
  /** From there to its closing bracket. */
  private length = 0;
  /** The lexer's `feeds` when it was read: later its bytes are gone. */
  private readAt = NEVER;
  /** Where each word starts and stops between its quotes, from the array's bracket on. */
  private readonly starts = new Uint32Array(MAXIMUM_WORDS);
  private readonly stops = new Uint32Array(MAXIMUM_WORDS);

  /** Where the word `below` the top starts in the lexer's bytes, and where it stops. */
  start(below: number): number {
    return this.place + this.starts[this.count - 1 - below]!;
  }

  stop(below: number): number {
    return this.place + this.stops[this.count - 1 - below]!;
  }

  /**
   * Reads the array at the lexer's place and goes behind it; false: the chunk ends before the array does.
   * @throws {TraceRejected} trace_malformed where no array of strings stands, or more than a stack holds.
   */
  read(lexer: JsonLexer): boolean {
    const { bytes, end } = lexer;
    let place = lexer.position;
    while (place < end && isSpace(bytes[place]!)) place++;
    if (place >= end) return false;
    if (bytes[place] !== OPEN) throw lexer.fail("an array of words is missing");
    const count = this.readAt === lexer.feeds ? this.sameWords(lexer, place) : 0;
    this.readAt = NEVER;
    this.place = place;
    const close = this.readRest(lexer, place, count);
    if (close < 0) return false;
    this.length = close - place;
    this.readAt = lexer.feeds;
    lexer.passValue(close + 1);
    return true;
  }

  /** How many words the array at `place` begins with that the last one began with. */
  private sameWords({ view, bytes, end }: JsonLexer, place: number): number {
    const last = this.place;
    const most = Math.min(this.length, end - place);
    let same = 0;
    // As doubles, because a comparison of bigints costs more. NaN equals nothing, which only means reading on; two zeros
    // of unequal bytes hold neither quote nor bracket.
    while (
      same + 8 <= most &&
      view.getFloat64(last + same, true) === view.getFloat64(place + same, true)
    ) {
      same += 8;
    }
    while (same < most && bytes[last + same] === bytes[place + same]) same++;
    let { count } = this;
    while (count > 0 && this.stops[count - 1]! >= same) count--;
    return count;
  }

  /** Reads on after `count` words; gives the closing bracket's place, -1 where the chunk ends before it. */
  private readRest(lexer: JsonLexer, place: number, from: number): number {
    const { bytes, end } = lexer;
    const { starts, stops } = this;
    let count = from;
    let separated = count === 0;
    for (let i = count === 0 ? place + 1 : place + stops[count - 1]! + 1; i < end; i++) {
      const c = bytes[i]!;
      if (c === QUOTE) {
        if (!separated) throw lexer.fail("a comma is missing between words");
        if (count === MAXIMUM_WORDS) throw lexer.fail("a stack holds more than 1024 words");
        separated = false;
        const start = ++i;
        while (i < end && bytes[i] !== QUOTE) i++;
        starts[count] = start - place;
        stops[count] = i - place;
        count++;
      } else if (c === COMMA) {
        if (separated) throw lexer.fail("a word is missing");
        separated = true;
      } else if (c === CLOSE) {
        if (separated && count > 0) throw lexer.fail("a word is missing");
        this.count = count;
        return i;
      } else if (!isSpace(c)) {
        throw lexer.fail("a word is no string");
      }
    }
    return -1;
  }
}
