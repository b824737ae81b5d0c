import { BlockAnswerScanner } from "./block-answer.ts";
import { type CompactStepReader, readCompactStep } from "./compact-step.ts";
import { keyMatcher } from "./json-keys.ts";
import {
  ARRAY_END,
  ARRAY_START,
  FALSE,
  KEY,
  LastWords,
  NEED_MORE,
  NULL,
  NUMBER,
  OBJECT_END,
  OBJECT_START,
  SKIPPED,
  STRING,
  STRING_PART,
  TRUE,
} from "./json-lexer.ts";
import { parseInteger, parseQuantity } from "./json-numbers.ts";
import { wordsNeeded } from "./opcodes.ts";
import { OperationTable } from "./operation-table.ts";
import { Step } from "./step.ts";
import { excerpt } from "./trace-rejected.ts";
import { WordReader } from "./word-reader.ts";

/** What a trace says of a transaction beside its steps; null where the answer did not say. */
export type TraceHead = {
  txHash: string | null;
  gas: number | null;
  failed: boolean | null;
  hasSteps: boolean;
};

/** Takes what a scan finds, in the order of the bytes. */
export interface StepSink {
  beginTransaction(transactionIndex: number): void;
  /** The step is reused by the scanner two steps later. */
  step(step: Step): void;
  /** Bytes of the return value's text, in pieces, prefix included where the node sends one. */
  returnValueBytes(bytes: Uint8Array, start: number, stop: number): void;
  endTransaction(head: TraceHead): void;
}

// Where in a result the scan stands.
const RESULT = 0;
const STEPS = 1;
const STEP = 2;
const STEP_ERROR = 3;

const resultKey = keyMatcher(["gas", "failed", "returnValue", "structLogs", "error"]);
const HEAD_GAS = 1;
const HEAD_FAILED = 2;
const HEAD_RETURN_VALUE = 3;
const HEAD_STEPS = 4;
const HEAD_ERROR = 5;
const stepKey = keyMatcher(["pc", "op", "gas", "gasCost", "depth", "refund", "error", "stack"]);
const PC = 1;
const OP = 2;
const GAS = 3;
const GAS_COST = 4;
const DEPTH = 5;
const REFUND = 6;
const STEP_ERROR_TEXT = 7;
const STACK = 8;

const MAXIMUM_UINT64 = 2n ** 64n - 1n;
const BRACKET = 91;
const MAXIMUM_MISFITS = 50;
const ERROR_WITHOUT_TEXT = "error without text";

/** Scans the struct logger's answer step by step. */
export class StepScanner extends BlockAnswerScanner {
  private readonly operations: OperationTable;
  private readonly sink: StepSink;
  private readonly readsStacks: boolean;
  /** Steps in a row that were not read in one go: a client of another form is not tried again. */
  private misfits = 0;
  private place = RESULT;
  private readonly words = new LastWords();
  private readonly wordReader = new WordReader();
  private step = new Step();
  private otherStep = new Step();
  private stepIndex = 0;
  private head = emptyHead();
  private stepErrorText = "";
  private stepErrorNesting = 0;

  /**
   * `operationNames`: names by operation id, to which a scan adds those that no opcode has.
   * `readsStacks`: false passes over stacks, whether the node sends them or not.
   */
  constructor(sink: StepSink, operationNames: string[], readsStacks = true) {
    super("structLogs");
    this.readsStacks = readsStacks;
    this.sink = sink;
    this.operations = new OperationTable(operationNames);
  }

  protected override beginItem(): void {
    this.stepIndex = 0;
    this.head = emptyHead();
    this.sink.beginTransaction(this.transactionIndex);
  }

  protected override beginResult(): void {
    this.place = RESULT;
  }

  protected override endItem(): void {
    this.head.txHash = this.transactionHash;
    this.sink.endTransaction(this.head);
  }

  protected override scanInside(): boolean {
    for (;;) {
      if (this.place === STEP) {
        if (!this.scanStep()) return false;
        continue;
      }
      const token = this.lexer.next();
      if (token === NEED_MORE) return false;
      if (this.place === STEPS) this.takeSteps(token);
      else if (this.place === STEP_ERROR) this.takeStepError(token);
      else if (this.takeResult(token)) return true;
    }
  }

  /** True when the result has ended, or an error begins in it. */
  private takeResult(token: number): boolean {
    if (token === KEY) {
      this.field = resultKey(this.lexer);
      if (this.field === 0) this.lexer.skipValue();
      else if (this.field === HEAD_RETURN_VALUE) this.lexer.streamString();
      return false;
    }
    const { field, lexer, head } = this;
    if (token === STRING_PART || (token === STRING && field === HEAD_RETURN_VALUE)) {
      this.takeReturnValue();
      if (token === STRING) this.field = 0;
      return false;
    }
    this.field = 0;
    if (field === HEAD_GAS && (token === NUMBER || token === STRING)) {
      head.gas = this.number(token, "gas");
    } else if (field === HEAD_FAILED && (token === TRUE || token === FALSE)) {
      head.failed = token === TRUE;
    } else if (field === HEAD_STEPS && token === ARRAY_START) {
      if (head.hasSteps) throw this.malformed("a result has structLogs twice", this.stepIndex);
      head.hasSteps = true;
      this.place = STEPS;
    } else if (field === HEAD_STEPS && token === NULL) {
      head.hasSteps = true;
    } else if (token === OBJECT_END) {
      this.endResult();
      return true;
    } else if (field === HEAD_ERROR && token !== NULL) {
      // Streaming servers that fail in the middle of a trace say so where they stand.
      this.beginError(token, true);
      return true;
    } else if (field !== 0 && token !== NULL) {
      throw this.malformed(
        `${lexer.text()} stands where a result has another type`,
        this.stepIndex,
      );
    }
    return false;
  }

  private takeReturnValue(): void {
    const { source, start, stop } = this.lexer;
    this.sink.returnValueBytes(source, start, stop);
  }

  private takeSteps(token: number): void {
    if (token === OBJECT_START) {
      this.step.clear();
      if (!this.readWhole()) this.place = STEP;
    } else if (token === ARRAY_END) {
      this.place = RESULT;
    } else {
      throw this.malformed("a step is no object", this.stepIndex);
    }
  }

  /** Reads the step in one go where it has the form of nearly all; false: token by token, from its start. */
  private readWhole(): boolean {
    if (this.misfits > MAXIMUM_MISFITS) return false;
    const { lexer } = this;
    const start = lexer.position;
    if (readCompactStep(lexer, this.step, this.compactReader)) {
      this.misfits = 0;
      this.finishStep();
      return true;
    }
    this.misfits++;
    lexer.reopenObject(start);
    this.step.clear();
    return false;
  }

  private readonly compactReader: CompactStepReader = {
    readOperation: (bytes, start, stop) => this.operations.find(bytes, start, stop),
    readStack: () => this.readsStacks && this.lexer.peek() === BRACKET && this.readStackWords(),
  };

  /** Reads a step to its end; false when more bytes are needed. */
  private scanStep(): boolean {
    const { lexer } = this;
    for (;;) {
      if (this.field === STACK) {
        if (!this.scanStack()) return false;
        continue;
      }
      const token = lexer.next();
      if (token === KEY) {
        this.field = stepKey(lexer);
        if (this.field === STACK && !this.readsStacks) this.field = 0;
        if (this.field === 0) lexer.skipValue();
      } else if (token === NEED_MORE) {
        return false;
      } else if (token === NUMBER) {
        this.takeNumber(this.field, token);
        this.field = 0;
      } else if (token === STRING) {
        this.takeString();
        this.field = 0;
      } else if (token === OBJECT_END) {
        this.finishStep();
        return true;
      } else if (token === SKIPPED || token === NULL) {
        this.field = 0;
      } else if (
        this.field === STEP_ERROR_TEXT &&
        (token === OBJECT_START || token === ARRAY_START)
      ) {
        this.place = STEP_ERROR;
        this.stepErrorNesting = 1;
        this.stepErrorText = token === OBJECT_START ? ERROR_WITHOUT_TEXT : "";
        return true;
      } else {
        throw this.malformed("a step's field has another type", this.stepIndex);
      }
    }
  }

  /** An error that is an object or an array (old clients): its first text, else that there was one. */
  private takeStepError(token: number): void {
    if (token === OBJECT_START || token === ARRAY_START) this.stepErrorNesting++;
    else if (token === OBJECT_END || token === ARRAY_END) this.stepErrorNesting--;
    else if (
      token === STRING &&
      (this.stepErrorText === "" || this.stepErrorText === ERROR_WITHOUT_TEXT)
    ) {
      this.stepErrorText = this.lexer.text();
    }
    if (this.stepErrorNesting > 0) return;
    this.step.error = this.stepErrorText === "" ? null : this.stepErrorText;
    this.field = 0;
    this.place = STEP;
  }

  private takeNumber(field: number, token: number): void {
    const { step } = this;
    switch (field) {
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
        throw this.malformed("a step's field has another type", this.stepIndex);
    }
  }

  private takeString(): void {
    const { lexer, step } = this;
    if (this.field === OP) {
      step.op = this.operations.find(lexer.source, lexer.start, lexer.stop);
    } else if (this.field === STEP_ERROR_TEXT) {
      const text = lexer.text();
      step.error = text === "" ? null : text;
    } else {
      this.takeNumber(this.field, STRING);
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
    const { source, start, stop } = this.lexer;
    const value =
      token === NUMBER ? parseInteger(source, start, stop) : parseQuantity(source, start, stop);
    if (Number.isNaN(value)) {
      throw this.malformed(
        `${excerpt(this.lexer.text())} is no whole number for ${field}`,
        this.stepIndex,
      );
    }
    return value;
  }

  /** Reads the stack's height and its top words; false when more bytes are needed. */
  private scanStack(): boolean {
    const { lexer } = this;
    const first = lexer.peek();
    if (first < 0) return false;
    if (first !== BRACKET) {
      lexer.skipValue();
      this.field = 0;
      return true;
    }
    if (!this.readStackWords()) return false;
    this.field = 0;
    return true;
  }

  private readStackWords(): boolean {
    const { lexer, step, words } = this;
    if (!lexer.readWords(words)) return false;
    const height = words.count;
    step.height = height;
    const needed = Math.min(height, step.op === 0 ? 8 : Math.max(1, wordsNeeded[step.op]!));
    for (let slot = 0; slot < needed; slot++) {
      const at = (height - 1 - slot) & 7;
      const place = [words.starts[at]!, words.stops[at]!] as const;
      if (!this.wordReader.read(step, slot, lexer.bytes, place)) {
        throw this.malformed("a word is no number of 32 bytes", this.stepIndex);
      }
    }
    return true;
  }

  private finishStep(): void {
    const { step } = this;
    if (step.op === 0 || step.pc < 0 || step.gas < 0 || step.gasCost < 0 || step.depth < 0) {
      throw this.malformed("a step lacks pc, op, gas, gasCost or depth", this.stepIndex);
    }
    if (step.gas > Number.MAX_SAFE_INTEGER || step.pc > 0xffffffff || step.depth > 0xffff) {
      throw this.malformed("a step's gas, pc or depth is beyond any block's", this.stepIndex);
    }
    step.index = this.stepIndex++;
    this.place = STEPS;
    this.step = this.otherStep;
    this.otherStep = step;
    this.sink.step(step);
  }
}

function emptyHead(): TraceHead {
  return { txHash: null, gas: null, failed: null, hasSteps: false };
}
