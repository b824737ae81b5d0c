import type { Step } from "./step.ts";

const UNDECIDED = 0;
const HEX = 1;
const DECIMAL = 2;
const PADDED_WORD_DIGITS = 64;

/**
 * Reads words of the stack as clients of all times write them: 0x quantities; 64 hex digits without a prefix; decimals
 * (geth 1.13). What words without a prefix are is decided by the first of an answer: only padded hex is always 64 long.
 */
export class WordReader {
  private bareWords = UNDECIDED;

  /** Reads a word into `slot` of the step; false if the bytes are no word of 32 bytes. */
  read(step: Step, slot: number, bytes: Uint8Array, [start, stop]: readonly [number, number]) {
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
