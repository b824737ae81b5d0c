import type { JsonLexer } from "./json-lexer.ts";
import { wordsNeeded } from "./opcodes.ts";
import { StackWords } from "./stack-words.ts";
import { type Step, WORDS_KEPT } from "./step.ts";

export const STACK_CUT = 0;
export const STACK_READ = 1;
/** A word is no number of 32 bytes. */
export const STACK_WRONG = 2;

const UNDECIDED = 0;
const HEX = 1;
const DECIMAL = 2;
const PADDED_WORD_DIGITS = 64;

/**
 * Reads stacks into steps: their height, and as many words from the top as the step's rules look at. Words come as
 * clients of all times write them: 0x quantities; 64 hex digits without a prefix; decimals (geth 1.13). What words
 * without a prefix are is decided by the first of an answer: only padded hex is always 64 long.
 */
export class StackReader {
  private readonly words = new StackWords();
  private bareWords = UNDECIDED;

  /**
   * Reads the array at the lexer's place. STACK_CUT: the chunk ends before it does, and it is to be read again.
   * @throws {TraceRejected} trace_malformed where no array of strings stands.
   */
  read(lexer: JsonLexer, step: Step): number {
    const { words } = this;
    if (!words.read(lexer)) return STACK_CUT;
    const height = words.count;
    step.height = height;
    const needed = step.op === 0 ? WORDS_KEPT : Math.max(1, wordsNeeded[step.op]!);
    for (let slot = 0; slot < needed && slot < height; slot++) {
      if (!this.readWord(lexer.bytes, step, slot)) return STACK_WRONG;
    }
    return STACK_READ;
  }

  private readWord(bytes: Uint8Array, step: Step, slot: number): boolean {
    const start = this.words.start(slot);
    const stop = this.words.stop(slot);
    if (bytes[start] === 48 && (bytes[start + 1]! | 32) === 120) {
      return step.setWord(slot, bytes, start + 2, stop);
    }
    if (this.bareWords === UNDECIDED) {
      this.bareWords = stop - start === PADDED_WORD_DIGITS ? HEX : DECIMAL;
    }
    if (this.bareWords === HEX) {
      return stop - start === PADDED_WORD_DIGITS && step.setWord(slot, bytes, start, stop);
    }
    const text = Buffer.from(bytes.subarray(start, stop)).toString("latin1");
    if (!/^\d{1,78}$/.test(text)) return false;
    const hex = Buffer.from(BigInt(text).toString(16));
    return step.setWord(slot, hex, 0, hex.length);
  }
}
