import type { JsonLexer } from "./json-lexer.ts";
import type { OperationTable } from "./operation-table.ts";
import { STACK_READ, type StackReader } from "./stack-reader.ts";
import type { Step } from "./step.ts";
import type { StepReaders } from "./step-fields.ts";

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const CLOSE = 125;
const MAXIMUM_DIGITS = 15;
const MAXIMUM_NAME = 24;
/** No key with a number or a name that is read here is longer, so nothing is read past the chunk. */
const MARGIN = 64;

/** Four characters as `DataView.getInt32(.., true)` gives them. */
const four = (text: string) => Buffer.from(text).readInt32LE();
const PC = four('"pc"');
const OP = four('"op"');
const GAS = four('"gas');
const COST = four("Cost");
const DEPTH = four('"dep');
const TH = four('th":');
const STACK = four('"sta');
const CK = four('ck":');
const REFUND = four('"ref');
const UND = four('und"');

/**
 * Reads a step whose `{` was the lexer's last token in one go, if it stands in this chunk as nearly every node writes
 * it: no spaces, no key but those of every step, whole numbers.
 */
export class CompactSteps {
  private readonly lexer: JsonLexer;
  private readonly operations: OperationTable;
  private readonly stacks: StackReader | null;
  /** Place behind the value that was read last. */
  private place = 0;

  constructor(lexer: JsonLexer, { operations, stacks }: StepReaders) {
    this.lexer = lexer;
    this.operations = operations;
    this.stacks = stacks;
  }

  /**
   * False: the step is not of that form; the lexer's place is undefined then and the step half filled, so both must be
   * set back for the general way, which alone judges what is wrong.
   */
  read(step: Step): boolean {
    const { lexer } = this;
    const { bytes } = lexer;
    const last = lexer.end - MARGIN;
    let i = lexer.position;
    for (;;) {
      if (i > last || !this.readField(step, i)) return false;
      i = this.place;
      const c = bytes[i++];
      if (c === COMMA) continue;
      if (c !== CLOSE || i > lexer.end) return false;
      lexer.endObject(i);
      return true;
    }
  }

  /** Reads the key at `i` and its value. */
  private readField(step: Step, i: number): boolean {
    const { bytes, view } = this.lexer;
    switch (view.getInt32(i, true)) {
      case PC:
        return bytes[i + 4] === COLON && (step.pc = this.readNumber(i + 5)) >= 0;
      case OP:
        return bytes[i + 4] === COLON && this.readOperation(step, i + 5);
      case GAS:
        return view.getInt32(i + 4, true) === COST
          ? bytes[i + 8] === QUOTE && this.readGasCost(step, i + 9)
          : bytes[i + 4] === QUOTE && this.readGas(step, i + 5);
      case DEPTH:
        return view.getInt32(i + 4, true) === TH && (step.depth = this.readNumber(i + 8)) >= 0;
      case STACK:
        return view.getInt32(i + 4, true) === CK && this.readStack(step, i + 8);
      case REFUND:
        return view.getInt32(i + 4, true) === UND && this.readRefund(step, i + 8);
      default:
        return false;
    }
  }

  private readGas(step: Step, colon: number): boolean {
    return this.lexer.bytes[colon] === COLON && (step.gas = this.readNumber(colon + 1)) >= 0;
  }

  private readGasCost(step: Step, colon: number): boolean {
    return this.lexer.bytes[colon] === COLON && (step.gasCost = this.readNumber(colon + 1)) >= 0;
  }

  private readRefund(step: Step, colon: number): boolean {
    return this.lexer.bytes[colon] === COLON && (step.refund = this.readNumber(colon + 1)) >= 0;
  }

  /** Reads a whole number; -1 where none stands that is exact. */
  private readNumber(start: number): number {
    const { bytes } = this.lexer;
    let value = 0;
    let i = start;
    let digit = bytes[i]! - 48;
    while (digit >= 0 && digit <= 9 && i - start <= MAXIMUM_DIGITS) {
      value = value * 10 + digit;
      digit = bytes[++i]! - 48;
    }
    this.place = i;
    const digits = i - start;
    const isExact = digits > 0 && digits <= MAXIMUM_DIGITS && (digits === 1 || bytes[start] !== 48);
    return isExact ? value : -1;
  }

  /** Reads a name of capitals and digits between quotes, the first of which stands at `i`. */
  private readOperation(step: Step, i: number): boolean {
    const { bytes } = this.lexer;
    if (bytes[i] !== QUOTE) return false;
    const start = i + 1;
    let stop = start;
    for (; bytes[stop] !== QUOTE; stop++) {
      const c = bytes[stop]!;
      if (c < 48 || c > 90 || (c > 57 && c < 65) || stop - start >= MAXIMUM_NAME) return false;
    }
    step.op = this.operations.find(bytes, start, stop);
    this.place = stop + 1;
    return true;
  }

  private readStack(step: Step, i: number): boolean {
    const { lexer, stacks } = this;
    if (stacks === null || lexer.bytes[i] !== OPEN_BRACKET) return false;
    lexer.position = i;
    if (stacks.read(lexer, step) !== STACK_READ) return false;
    this.place = lexer.position;
    return true;
  }
}
