import { beginFrame, enterCall, leaveCall, passOverCall } from "./call-walk.ts";
import { DIFFICULTY, isCall, isCreate, isEnder, PREVRANDAO, STOP } from "./opcodes.ts";
import type { Step } from "./step.ts";
import { gasBetween, isUnknownOperation, mustHalt } from "./step-checks.ts";
import type { StepSink, TraceHead } from "./step-scanner.ts";
import { malformed, mismatch, type TraceRejected } from "./trace-rejected.ts";
import {
  addRootWithoutSteps,
  type CallWithoutSteps,
  callWithoutSteps,
  checkHead,
  endLastStep,
  findMissingSteps,
} from "./transaction-end.ts";
import { type WalkInput, WalkState } from "./walk-state.ts";

/**
 * Follows each transaction step by step: derives the rows of `execution_structlog` (traces, section 2) and
 * proves that no step is missing or changed (section 6, rules 1-5). One pass, one step of lookahead; only
 * open calls wait.
 */
export class BlockWalk implements StepSink {
  /** Steps of each transaction that ended, by position. */
  readonly stepCounts: number[] = [];
  /** Whether each of them failed. */
  readonly failures: boolean[] = [];
  /** Transactions without steps that may have run code, for all that the trace tells. */
  readonly callsWithoutSteps: CallWithoutSteps[] = [];
  readonly state: WalkState;
  private previous: Step | null = null;
  private firstRefund = 0;
  private steps = 0;
  private stepsInBlock = 0;
  /** A transaction that ran code and has no steps: an error unless no transaction of the block has any. */
  private stepless: TraceRejected | null = null;

  constructor(input: WalkInput) {
    this.state = new WalkState(input);
  }

  beginTransaction(position: number): void {
    this.state.begin(position);
    this.previous = null;
    this.steps = 0;
  }

  returnValueBytes(bytes: Uint8Array, start: number, stop: number): void {
    this.state.returnValue.take(bytes, start, stop);
  }

  step(step: Step): void {
    const { previous, state } = this;
    // A frame starts with an empty stack, which some clients leave out.
    if (step.height < 0 && step.pc === 0) step.height = 0;
    if (step.height < 0 && state.form.hasStacks) {
      throw malformed("stack", "a step has no stack", {
        transactionIndex: state.facts.index,
        stepIndex: step.index,
      });
    }
    if (step.op === DIFFICULTY || step.op === PREVRANDAO) step.op = state.difficultyOp;
    this.steps++;
    if (previous === null) this.first(step);
    else if (step.depth === previous.depth) this.sameDepth(previous, step);
    else if (step.depth === previous.depth + 1) this.enter(previous, step);
    else if (step.depth === previous.depth - 1 && step.depth > 0) leaveCall(state, previous, step);
    else state.fail("depth", `${previous.depth} or one beside it`, step.depth, step.index);
    this.previous = step;
  }

  endTransaction(head: TraceHead): void {
    checkHead(this.state, head);
    if (this.steps === 1 && isPlainTransfer(this.state, this.previous)) {
      this.previous = null;
      this.steps = 0;
    }
    if (this.previous === null) {
      this.stepless ??= findMissingSteps(this.state);
      addRootWithoutSteps(this.state);
      const call = callWithoutSteps(this.state);
      if (call !== null) this.callsWithoutSteps.push(call);
    } else endLastStep(this.state, this.previous, this.firstRefund);
    this.stepCounts.push(this.steps);
    this.failures.push(this.state.failed);
    this.stepsInBlock += this.steps;
    if (this.stepless && this.stepsInBlock > 0) throw this.stepless;
  }

  /** @throws {TraceRejected} check steps_missing, when code ran in the block and no transaction has a step. */
  endBlock(): void {
    const expected = this.state.transactions.length;
    if (this.stepCounts.length !== expected) {
      throw mismatch("one_trace_per_transaction", {
        expected: `${expected} traces`,
        actual: this.stepCounts.length,
      });
    }
    if (this.stepless) {
      throw mismatch("steps_missing", {
        expected: "steps of the transactions that ran code",
        actual: "structLogs: [] for every one",
      });
    }
  }

  private first(step: Step): void {
    const { state } = this;
    const { facts, gas, table, root } = state;
    if (step.depth !== 1) state.fail("first_step", "depth 1", `depth ${step.depth}`, step.index);
    if (gas) state.checkGas("first_gas", facts.gasLimit - gas.intrinsic, step.gas, step.index);
    const { isMeasured, rootGasIsLimit } = state.quirks;
    const rootGas = rootGasIsLimit ? facts.gasLimit : step.gas;
    if (isMeasured) state.checkGas("call_gas", table.gas[root]!, rootGas, step.index);
    const frame = beginFrame(state, step);
    frame.tablePosition = root;
    frame.isCreation = facts.isCreation;
    this.firstRefund = step.refund;
  }

  private sameDepth(step: Step, next: Step): void {
    const { state } = this;
    if (mustHalt(state, step) || isEnder[step.op] === 1) {
      state.fail("frame_end", `the frame's end after ${state.name(step.op)}`, "a step", next.index);
    }
    if (isUnknownOperation(step)) state.unknownOperations.add(state.name(step.op));
    state.form.checkHeight(state, step, next);
    if (isCall[step.op] === 1 || isCreate[step.op] === 1) passOverCall(state, step, next);
    else this.goOn(step, next);
  }

  /** A step that is no call, and the next one of the same frame. */
  private goOn(step: Step, next: Step): void {
    const { state } = this;
    state.checkGas("gas", step.gas - step.gasCost, next.gas, next.index);
    state.form.checkPlace(state, step, next);
    const frame = state.open.current;
    const wordsBefore = frame.memoryWords;
    state.form.checkCost(state, step, frame);
    const gasUsed = gasBetween(step, next);
    frame.gasUsedSum += gasUsed;
    state.rows.addPlain(step, gasUsed, state.open);
    state.aggs?.addPlain(step, frame, gasUsed, wordsBefore);
  }

  private enter(step: Step, next: Step): void {
    const { state } = this;
    if (isCall[step.op] !== 1 && isCreate[step.op] !== 1) {
      state.fail("depth", "a call before a deeper step", state.name(step.op), next.index);
    }
    if (mustHalt(state, step)) {
      state.fail("frame_end", `the frame's end after ${state.name(step.op)}`, "a step", next.index);
    }
    enterCall(state, step, next);
  }
}

/** Whether the only step of a transaction is that of a client that logs a STOP where no code is. */
function isPlainTransfer({ quirks, facts }: WalkState, step: Step | null): boolean {
  return quirks.logsPlainTransfers && !facts.isCreation && step?.op === STOP && step.pc === 0;
}
