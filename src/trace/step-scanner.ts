import { BlockAnswerScanner } from "./block-answer.ts";
import { CompactSteps } from "./compact-step.ts";
import { keyMatcher } from "./json-keys.ts";
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
  STRING,
  STRING_PART,
  TRUE,
} from "./json-tokens.ts";
import { OperationTable } from "./operation-table.ts";
import { StackReader } from "./stack-reader.ts";
import { Step } from "./step.ts";
import { readWholeNumber, StepFields, type StepReaders } from "./step-fields.ts";

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

const resultKey = keyMatcher(["gas", "failed", "returnValue", "structLogs", "error"]);
const HEAD_GAS = 1;
const HEAD_FAILED = 2;
const HEAD_RETURN_VALUE = 3;
const HEAD_STEPS = 4;
const HEAD_ERROR = 5;

const MAXIMUM_MISFITS = 50;

/** Scans the struct logger's answer step by step. */
export class StepScanner extends BlockAnswerScanner {
  private readonly sink: StepSink;
  private readonly compact: CompactSteps;
  private readonly fields: StepFields;
  /** Steps in a row that were not read in one go: a client of another form is not tried again. */
  private misfits = 0;
  private place = RESULT;
  private step = new Step();
  private otherStep = new Step();
  private stepIndex = 0;
  private head = emptyHead();

  /**
   * `operationNames`: names by operation id, to which a scan adds those that no opcode has.
   * `readsStacks`: false passes over stacks, whether the node sends them or not.
   */
  constructor(sink: StepSink, operationNames: string[], readsStacks = true) {
    super("structLogs");
    this.sink = sink;
    const readers: StepReaders = {
      operations: new OperationTable(operationNames),
      stacks: readsStacks ? new StackReader() : null,
    };
    this.compact = new CompactSteps(this.lexer, readers);
    this.fields = new StepFields(this.lexer, readers, (reason) =>
      this.malformed(reason, this.stepIndex),
    );
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
        if (!this.fields.read()) return false;
        this.finishStep();
        continue;
      }
      const token = this.lexer.next();
      if (token === NEED_MORE) return false;
      if (this.place === STEPS) this.takeSteps(token);
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
      head.gas = readWholeNumber(lexer, token, (text) =>
        this.malformed(`${text} is no whole number for gas`, this.stepIndex),
      );
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
      while (this.readWhole()) if (!this.lexer.nextObject()) return;
      this.fields.begin(this.step);
      this.place = STEP;
    } else if (token === ARRAY_END) {
      this.place = RESULT;
    } else {
      throw this.malformed("a step is no object", this.stepIndex);
    }
  }

  /** Reads the step in one go where it has the form of nearly all; false: token by token, from its start. */
  private readWhole(): boolean {
    const { lexer, step } = this;
    step.clear();
    if (this.misfits > MAXIMUM_MISFITS) return false;
    const start = lexer.position;
    if (this.compact.read(step)) {
      this.misfits = 0;
      this.finishStep();
      return true;
    }
    this.misfits++;
    lexer.reopenObject(start);
    step.clear();
    return false;
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
