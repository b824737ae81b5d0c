import type { JsonLexer } from "./json-lexer.ts";
import type { Step } from "./step.ts";

/** What reads the two values of a step that are no numbers. */
export interface CompactStepReader {
  readOperation(bytes: Uint8Array, start: number, stop: number): number;
  /** Reads the value at the lexer's place and moves it on; false: this way cannot. */
  readStack(): boolean;
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const CLOSE = 125;
const MAXIMUM_DIGITS = 15;
const MAXIMUM_NAME = 24;
/** No key with a number or a name that is read here is longer, so nothing is read past the chunk. */
const MARGIN = 64;

/**
 * Reads a step whose `{` was the lexer's last token in one go, if it stands in this chunk as nearly every node writes
 * it: no spaces, no key but those of every step, whole numbers. False: it does not; the lexer's place is undefined then
 * and the step half filled, so both must be set back for the general way, which alone judges what is wrong.
 */
export function readCompactStep(lexer: JsonLexer, step: Step, reader: CompactStepReader): boolean {
  const { bytes } = lexer;
  const end = bytes.length - MARGIN;
  let i = lexer.position;
  for (;;) {
    if (i > end || bytes[i] !== QUOTE) return false;
    const key = keyAt(bytes, i + 1);
    i += keyLengths[key]!;
    switch (key) {
      case PC:
        i = readNumber(bytes, i);
        step.pc = parsed;
        break;
      case OP: {
        const start = i + 1;
        i = nameEnd(bytes, i);
        if (i < 0) return false;
        step.op = reader.readOperation(bytes, start, i - 1);
        break;
      }
      case GAS:
        i = readNumber(bytes, i);
        step.gas = parsed;
        break;
      case GAS_COST:
        i = readNumber(bytes, i);
        step.gasCost = parsed;
        break;
      case DEPTH:
        i = readNumber(bytes, i);
        step.depth = parsed;
        break;
      case REFUND:
        i = readNumber(bytes, i);
        step.refund = parsed;
        break;
      case STACK:
        lexer.position = i;
        if (!reader.readStack()) return false;
        i = lexer.position;
        if (i > end) return false;
        break;
      default:
        return false;
    }
    if (i < 0) return false;
    const c = bytes[i++];
    if (c === COMMA) continue;
    if (c !== CLOSE) return false;
    lexer.endObject(i);
    return true;
  }
}

const UNKNOWN = 0;
const PC = 1;
const OP = 2;
const GAS = 3;
const GAS_COST = 4;
const DEPTH = 5;
const REFUND = 6;
const STACK = 7;
/** From a key's opening quote to its value. */
const keyLengths = [0, 5, 5, 6, 10, 8, 9, 8];

/** Which key stands at `i`, its closing quote and colon right behind it. */
function keyAt(bytes: Uint8Array, i: number): number {
  switch (bytes[i]) {
    case 0x70:
      return bytes[i + 1] === 0x63 && endsAt(bytes, i + 2) ? PC : UNKNOWN;
    case 0x6f:
      return bytes[i + 1] === 0x70 && endsAt(bytes, i + 2) ? OP : UNKNOWN;
    case 0x67:
      if (bytes[i + 1] !== 0x61 || bytes[i + 2] !== 0x73) return UNKNOWN;
      if (endsAt(bytes, i + 3)) return GAS;
      return stands(bytes, i + 3, "Cost") && endsAt(bytes, i + 7) ? GAS_COST : UNKNOWN;
    case 0x64:
      return stands(bytes, i + 1, "epth") && endsAt(bytes, i + 5) ? DEPTH : UNKNOWN;
    case 0x72:
      return stands(bytes, i + 1, "efund") && endsAt(bytes, i + 6) ? REFUND : UNKNOWN;
    case 0x73:
      return stands(bytes, i + 1, "tack") && endsAt(bytes, i + 5) ? STACK : UNKNOWN;
    default:
      return UNKNOWN;
  }
}

function endsAt(bytes: Uint8Array, i: number): boolean {
  return bytes[i] === QUOTE && bytes[i + 1] === COLON;
}

function stands(bytes: Uint8Array, at: number, text: string): boolean {
  for (let k = 0; k < text.length; k++) if (bytes[at + k] !== text.charCodeAt(k)) return false;
  return true;
}

/** The number that `readNumber` read last. */
let parsed = 0;
/** Reads a whole number; gives the place after it, or -1 where none stands that is exact. */
function readNumber(bytes: Uint8Array, start: number): number {
  let value = 0;
  let i = start;
  let digit = bytes[i]! - 48;
  while (digit >= 0 && digit <= 9 && i - start <= MAXIMUM_DIGITS) {
    value = value * 10 + digit;
    digit = bytes[++i]! - 48;
  }
  const digits = i - start;
  if (digits === 0 || digits > MAXIMUM_DIGITS || (digits > 1 && bytes[start] === 48)) return -1;
  parsed = value;
  return i;
}

/** The place after the closing quote of a name of capitals and digits whose opening one stands at `i`; -1: none. */
function nameEnd(bytes: Uint8Array, i: number): number {
  if (bytes[i] !== QUOTE) return -1;
  const start = ++i;
  for (; i - start <= MAXIMUM_NAME; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return i + 1;
    if (c < 48 || c > 90 || (c > 57 && c < 65)) return -1;
  }
  return -1;
}
