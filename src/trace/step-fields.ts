import { keyMatcher } from "./json-keys.ts";
import type { JsonLexer } from "./json-lexer.ts";
import { parseInteger, parseQuantity } from "./json-numbers.ts";
import {
  ARRAY_END,
  ARRAY_START,
  KEY,
  NEED_MORE,
  NULL,
  NUMBER,
  OBJECT_END,
  OBJECT_START,
  SKIPPED,
  STRING,
} from "./json-tokens.ts";
import type { OperationTable } from "./operation-table.ts";
import { STACK_CUT, STACK_READ, type StackReader } from "./stack-reader.ts";
import { Step } from "./step.ts";
import { excerpt, type TraceRejected } from "./trace-rejected.ts";

const stepKey = keyMatcher(["pc", "op", "gas", "gasCost", "depth", "refund", "error", "stack"]);
const PC = 1;
const OP = 2;
const GAS = 3;
const GAS_COST = 4;
const DEPTH = 5;
const REFUND = 6;
const ERROR = 7;
const STACK = 8;

const MAXIMUM_UINT64 = 2n ** 64n - 1n;
const BRACKET = 91;
const ERROR_WITHOUT_TEXT = "error without text";

/** Says where in the answer a reason stands. */
export type Malformed = (reason: string) => TraceRejected;

/** What reads the values of a step that are no plain numbers; `stacks` is null where they are passed over. */
export type StepReaders = {
  readonly operations: OperationTable;
  readonly stacks: StackReader | null;
};

/** Reads a step token by token, whatever the order and the number of its keys, over any cuts of chunks. */
export class StepFields {
  private readonly lexer: JsonLexer;
  private readonly readers: StepReaders;
  private readonly malformed: Malformed;
  private step = new Step();
  private field = 0;
  private errorNesting = 0;
  private errorText = "";

  constructor(lexer: JsonLexer, readers: StepReaders, malformed: Malformed) {
    this.lexer = lexer;
    this.readers = readers;
    this.malformed = malformed;
  }

  /** The lexer stands right behind the step's `{`. */
  begin(step: Step): void {
    this.step = step;
    this.field = 0;
    this.errorNesting = 0;
  }

  /** Reads the step to its end; false when more bytes are needed. */
  read(): boolean {
    const { lexer } = this;
    for (;;) {
      if (this.field === STACK) {
        if (!this.readStack()) return false;
        continue;
      }
      const token = lexer.next();
      if (token === NEED_MORE) return false;
      if (this.errorNesting > 0) this.takeErrorPart(token);
      else if (token === KEY) this.takeKey();
      else if (token === OBJECT_END) return true;
      else this.takeValue(token);
    }
  }

  private takeKey(): void {
    const field = stepKey(this.lexer);
    this.field = field === STACK && this.readers.stacks === null ? 0 : field;
    if (this.field === 0) this.lexer.skipValue();
  }

  private takeValue(token: number): void {
    const { field } = this;
    if (token === NUMBER) {
      this.takeNumber(token);
    } else if (token === STRING) {
      this.takeString();
    } else if (field === ERROR && (token === OBJECT_START || token === ARRAY_START)) {
      this.errorNesting = 1;
      this.errorText = token === OBJECT_START ? ERROR_WITHOUT_TEXT : "";
      return;
    } else if (token !== SKIPPED && token !== NULL) {
      throw this.malformed("a step's field has another type");
    }
    this.field = 0;
  }

  /** An error that is an object or an array (old clients): its first text, else that there was one. */
  private takeErrorPart(token: number): void {
    if (token === OBJECT_START || token === ARRAY_START) this.errorNesting++;
    else if (token === OBJECT_END || token === ARRAY_END) this.errorNesting--;
    else if (token === STRING && (this.errorText === "" || this.errorText === ERROR_WITHOUT_TEXT)) {
      this.errorText = this.lexer.text();
    }
    if (this.errorNesting > 0) return;
    this.step.error = this.errorText === "" ? null : this.errorText;
    this.field = 0;
  }

  private takeString(): void {
    const { lexer, step } = this;
    if (this.field === OP) {
      step.op = this.readers.operations.find(lexer.source, lexer.start, lexer.stop);
    } else if (this.field === ERROR) {
      const text = lexer.text();
      step.error = text === "" ? null : text;
    } else {
      this.takeNumber(STRING);
    }
  }

  private takeNumber(token: number): void {
    const { step } = this;
    switch (this.field) {
      case PC:
        step.pc = this.number(token, "pc");
        return;
      case GAS:
        step.gas = this.number(token, "gas");
        return;
      case GAS_COST:
        step.gasCost = this.number(token, "gasCost");
        return;
      case DEPTH:
        step.depth = this.number(token, "depth");
        return;
      case REFUND:
        this.takeRefund(token);
        return;
      default:
        throw this.malformed("a step's field has another type");
    }
  }

  /** A refund counter outside UInt64 is NaN, one above 2^53 is kept exactly (anvil's can wrap below zero). */
  private takeRefund(token: number): void {
    const value = this.number(token, "refund");
    if (Math.abs(value) < Number.MAX_SAFE_INTEGER) {
      this.step.refund = value < 0 ? Number.NaN : value;
      return;
    }
    const exact = BigInt(this.lexer.text());
    const fits = exact >= 0n && exact <= MAXIMUM_UINT64;
    this.step.refund = fits ? -1 : Number.NaN;
    this.step.exactRefund = fits ? exact : 0n;
  }

  private number(token: number, field: string): number {
    return readWholeNumber(this.lexer, token, (text) =>
      this.malformed(`${text} is no whole number for ${field}`),
    );
  }

  /** Reads the stack's height and its top words; false when more bytes are needed. */
  private readStack(): boolean {
    const { lexer, readers } = this;
    const first = lexer.peek();
    if (first < 0) return false;
    this.field = 0;
    if (first !== BRACKET || readers.stacks === null) {
      lexer.skipValue();
      return true;
    }
    const outcome = readers.stacks.read(lexer, this.step);
    if (outcome === STACK_READ) return true;
    if (outcome !== STACK_CUT) throw this.malformed("a word is no number of 32 bytes");
    this.field = STACK;
    return false;
  }
}

/** The whole number of the lexer's token, a JSON number or a 0x quantity. @throws what `wrong` gives, where it is none. */
export function readWholeNumber(
  { source, start, stop }: JsonLexer,
  token: number,
  wrong: (text: string) => TraceRejected,
): number {
  const value =
    token === NUMBER ? parseInteger(source, start, stop) : parseQuantity(source, start, stop);
  if (Number.isNaN(value))
    throw wrong(excerpt(Buffer.from(source.subarray(start, stop)).toString()));
  return value;
}
