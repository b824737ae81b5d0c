import type { RpcBlock } from "../domain/chain.ts";
import { type Fork, isAtLeast } from "../domain/fork.ts";
import type { CallFrames } from "./call-frames.ts";
import { CallTableCursor } from "./call-table-cursor.ts";
import type { ClientQuirks } from "./client-quirks.ts";
import { possibleGasUsed, possibleGasUsedWithoutSteps } from "./gas-identity.ts";
import { type Forwarding, GasRules, growMemory } from "./gas-rules.ts";
import { memoryWordsAfter } from "./memory.ts";
import {
  CREATE,
  DIFFICULTY,
  haltsSilently,
  haltsSilentlyInStatic,
  INVALID,
  isCall,
  isCreate,
  isEnder,
  JUMP,
  JUMPDEST,
  JUMPI,
  knownOperationNames,
  PREVRANDAO,
  pushedBytes,
  RETURN,
  REVERT,
  SELFDESTRUCT,
  STATICCALL,
  stackDelta,
  stackPops,
  UNDEFINED,
} from "./opcodes.ts";
import { type OpenFrame, OpenFrames } from "./open-frames.ts";
import { precompileAt, precompilePrice } from "./precompiles.ts";
import { ReturnValueCheck } from "./return-value-check.ts";
import { Step } from "./step.ts";
import type { StepSink, TraceHead } from "./step-scanner.ts";
import type { StructlogColumns } from "./structlog-columns.ts";
import { StructlogRows } from "./structlog-rows.ts";
import { malformed, mismatch, type TraceRejected } from "./trace-rejected.ts";
import { type TransactionFacts, type TransactionGas, transactionGas } from "./transaction-facts.ts";

export type WalkInput = {
  readonly block: RpcBlock;
  readonly transactions: readonly TransactionFacts[];
  readonly frames: CallFrames;
  /** Null: no gas rule is known, so none is checked. */
  readonly fork: Fork | null;
  readonly quirks: ClientQuirks;
  readonly columns: StructlogColumns;
};

/** How a frame's last step ended it. */
type FrameEnd = {
  /** Whether all gas the frame had left is gone. */
  readonly halted: boolean;
  /** Gas that goes back to the caller. */
  readonly left: number;
};

const CODE_DEPOSIT_GAS = 200;
const UNKNOWN_STEP = "unknown opcode";

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
  readonly rows: StructlogRows;
  /** Names that no opcode table knows: their gas could not be checked. */
  readonly unknownOperations = new Set<string>();
  private readonly input: WalkInput;
  private readonly rules: GasRules | null;
  /** Precompiles are told apart by this fork even where no gas rule is known. */
  private readonly addressFork: Fork;
  private readonly difficultyOp: number;
  private readonly cursor: CallTableCursor;
  private readonly open = new OpenFrames();
  private readonly returnValue = new ReturnValueCheck();
  private facts!: TransactionFacts;
  private gas: TransactionGas | null = null;
  private failed = false;
  private root = -1;
  private previous: Step | null = null;
  private firstRefund = 0;
  private steps = 0;
  private stepsInBlock = 0;
  /** A transaction that ran code and has no steps: an error unless no transaction of the block has any. */
  private stepless: TraceRejected | null = null;

  constructor(input: WalkInput) {
    this.input = input;
    this.rules = input.fork === null ? null : new GasRules(input.fork);
    this.addressFork = input.fork ?? "osaka";
    const isProofOfStake =
      input.fork === null ? Number(input.block.difficulty) === 0 : isAtLeast(input.fork, "paris");
    this.difficultyOp = isProofOfStake ? PREVRANDAO : DIFFICULTY;
    this.cursor = new CallTableCursor(input.frames);
    this.rows = new StructlogRows(input.columns);
  }

  beginTransaction(position: number): void {
    const { input } = this;
    const facts = input.transactions[position];
    if (facts === undefined) {
      throw mismatch("one_trace_per_transaction", {
        expected: `${input.transactions.length} traces`,
        actual: "more",
      });
    }
    this.facts = facts;
    const transaction = input.block.transactions[position];
    this.gas = input.fork && transaction ? transactionGas(input.fork, transaction) : null;
    this.root = this.cursor.begin(position);
    this.failed = facts.failed ?? !this.cursor.succeeded(this.root);
    this.previous = null;
    this.steps = 0;
    this.open.reset();
    const returnValue = input.frames.outputs[position] ?? null;
    this.returnValue.begin(returnValue);
    this.rows.begin(facts.index, {
      hash: facts.hash,
      gasUsed: facts.gasUsed,
      failed: this.failed,
      returnValue,
    });
  }

  returnValueBytes(bytes: Uint8Array, start: number, stop: number): void {
    this.returnValue.take(bytes, start, stop);
  }

  step(step: Step): void {
    if (step.height < 0) {
      throw malformed("stack", "a step has no stack", {
        transactionIndex: this.facts.index,
        stepIndex: step.index,
      });
    }
    if (step.op === DIFFICULTY || step.op === PREVRANDAO) step.op = this.difficultyOp;
    this.steps++;
    const { previous } = this;
    if (previous === null) this.first(step);
    else if (step.depth === previous.depth) this.sameDepth(previous, step);
    else if (step.depth === previous.depth + 1) this.enter(previous, step);
    else if (step.depth === previous.depth - 1 && step.depth > 0) this.leave(previous, step);
    else this.fail("depth", `${previous.depth} to one more or less`, step.depth, step.index);
    this.previous = step;
  }

  endTransaction(head: TraceHead): void {
    this.checkHead(head);
    if (this.previous === null) this.endWithoutSteps();
    else this.endLastStep(this.previous);
    this.stepCounts.push(this.steps);
    this.failures.push(this.failed);
    this.stepsInBlock += this.steps;
    if (this.stepless && this.stepsInBlock > 0) throw this.stepless;
  }

  /** @throws {TraceRejected} check steps_missing, when code ran in the block and no transaction has a step. */
  endBlock(): void {
    if (this.stepCounts.length !== this.input.transactions.length) {
      throw mismatch("one_trace_per_transaction", {
        expected: `${this.input.transactions.length} traces`,
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

  // Steps -----------------------------------------------------------------------------------------------------

  private first(step: Step): void {
    if (step.depth !== 1) this.fail("first_step", "depth 1", `depth ${step.depth}`, step.index);
    if (this.gas) {
      const expected = this.facts.gasLimit - this.gas.intrinsic;
      if (step.gas !== expected) this.fail("first_gas", expected, step.gas, step.index);
    }
    const { frames } = this.input;
    const rootGas = this.input.quirks.rootGasIsLimit ? this.facts.gasLimit : step.gas;
    if (frames.gas[this.root] !== rootGas) {
      this.fail("call_gas", rootGas, frames.gas[this.root], step.index);
    }
    const frame = this.open.open();
    frame.tablePosition = this.root;
    frame.isCreation = this.facts.isCreation;
    this.begin(frame, step);
    this.firstRefund = step.refund;
  }

  /** Every frame starts at pc 0 with an empty stack. */
  private begin(frame: OpenFrame, step: Step): void {
    if (step.pc !== 0) this.fail("frame_start", "pc 0", `pc ${step.pc}`, step.index);
    if (step.height !== 0) {
      this.fail("frame_start", "an empty stack", `${step.height} words`, step.index);
    }
    frame.firstGas = step.gas;
  }

  private sameDepth(step: Step, next: Step): void {
    if (this.mustHalt(step)) {
      this.fail("halt", "the end of the frame after a step that halts", "a step", next.index);
    }
    if (isEnder[step.op] === 1) {
      this.fail("frame_end", `the end of the frame after its last step`, "a step", next.index);
    }
    this.checkHeight(step, next);
    if (isCall[step.op] === 1 || isCreate[step.op] === 1) this.passOver(step, next);
    else this.goOn(step, next);
  }

  /** A step that is no call, and the next one of the same frame. */
  private goOn(step: Step, next: Step): void {
    const left = step.gas - step.gasCost;
    if (next.gas !== left) this.fail("gas", left, next.gas, next.index);
    this.checkPlace(step, next);
    const frame = this.open.current;
    this.checkCost(step, frame);
    frame.gasUsedSum += step.gasCost;
    this.rows.addPlain(step, step.gasCost, this.open);
  }

  private checkPlace(step: Step, next: Step): void {
    const { op } = step;
    if (op === JUMP || (op === JUMPI && step.digits[1] !== 0)) {
      if (next.op !== JUMPDEST) {
        this.fail("jump", "a JUMPDEST", this.name(next.op), next.index);
      }
      if (next.pc !== step.words[0]) this.fail("jump", `pc ${step.words[0]}`, next.pc, next.index);
      return;
    }
    this.checkNextPlace(step, next);
  }

  private checkNextPlace(step: Step, next: Step): void {
    const pc = step.pc + 1 + pushedBytes[step.op]!;
    if (next.pc !== pc) this.fail("pc", pc, next.pc, next.index);
  }

  private checkHeight(step: Step, next: Step): void {
    if (step.op >= knownOperationNames.length) {
      this.unknownOperations.add(this.name(step.op));
      return;
    }
    const needed = stackPops[step.op]!;
    if (step.height < needed) {
      this.fail("stack", `at least ${needed} words`, step.height, step.index);
    }
    const height = step.height + stackDelta[step.op]!;
    if (next.height !== height) this.fail("stack", `${height} words`, next.height, next.index);
  }

  /** Checks what the step cost and lets its memory grow. */
  private checkCost(step: Step, frame: OpenFrame): void {
    const before = frame.memoryWords;
    const words = memoryWordsAfter(step, before);
    frame.memoryWords = words;
    if (this.rules === null) return;
    const expected = this.rules.wrongCost(step, before, words);
    if (expected >= 0) this.fail("gas_cost", expected, step.gasCost, step.index);
  }

  // Calls and creations ---------------------------------------------------------------------------------------

  /** What a call or creation costs and hands on; where no rule is known, by the callTracer. */
  private forwarding(step: Step, frame: OpenFrame, child: number): Forwarding {
    const { words, expansion } = growMemory(step, frame.memoryWords);
    frame.memoryWords = words;
    const includesForwarded =
      isCall[step.op] === 1 || this.input.quirks.createCostIncludesForwarded;
    if (this.rules === null) {
      const given = child < 0 ? 0 : this.input.frames.gas[child]!;
      const overhead = includesForwarded ? step.gasCost - given : step.gasCost;
      return { overhead, forwarded: given, given };
    }
    if (isCreate[step.op] === 1) {
      const creation = this.rules.creation(step, expansion);
      const cost = creation.overhead + (includesForwarded ? creation.forwarded : 0);
      if (step.gasCost !== cost) this.fail("gas_cost", cost, step.gasCost, step.index);
      return creation;
    }
    const isPrecompile = precompileAt(this.addressFork, step.address(1)) > 0;
    return (
      this.rules.solveCall(step, expansion, isPrecompile) ??
      this.fail("call_cost", "a cost that the fork knows", step.gasCost, step.index)
    );
  }

  /** The callTracer's frame of a call or creation that did not halt. */
  private takeChild(step: Step, next: Step, parent: number): number {
    const child = this.cursor.child(parent);
    if (child < 0) {
      this.fail(
        "call_tree",
        `a frame of the callTracer for the ${this.name(step.op)}`,
        "none",
        step.index,
      );
    }
    const operation = this.input.frames.operation[child]!;
    if (operation !== step.op) {
      this.fail("call_tree", `a ${this.name(step.op)}`, `a ${this.name(operation)}`, step.index);
    }
    this.cursor.take();
    this.checkTarget(step, next, child);
    return child;
  }

  private checkTarget(step: Step, next: Step, child: number): void {
    if (isCall[step.op] !== 1) return;
    const target = this.input.frames.target(child);
    const called = step.address(1);
    if (target !== called) this.fail("call_target", target, called, next.index - 1);
  }

  private enter(step: Step, next: Step): void {
    const isCreation = isCreate[step.op] === 1;
    if (!isCreation && isCall[step.op] !== 1) {
      this.fail("depth", "a call before a deeper step", this.name(step.op), next.index);
    }
    if (this.mustHalt(step)) {
      this.fail("halt", "the end of the frame after a step that halts", "a step", next.index);
    }
    const caller = this.open.current;
    const child = this.takeChild(step, next, caller.tablePosition);
    const { overhead, forwarded, given } = this.forwarding(step, caller, child);
    if (next.gas !== given) this.fail("call_gas", given, next.gas, next.index);
    if (this.input.frames.gas[child] !== given) {
      this.fail("call_gas", this.input.frames.gas[child], given, next.index);
    }
    caller.call.copyFrom(step);
    caller.callTarget = isCreation ? null : step.address(1);
    caller.callKeeps = step.gas - overhead - forwarded;
    const frame = this.open.open();
    frame.tablePosition = child;
    frame.isStatic = caller.isStatic || step.op === STATICCALL;
    frame.isCreation = isCreation;
    this.begin(frame, next);
  }

  /** `step` is the last of its frame; `next` is the caller's step after its call. */
  private leave(step: Step, next: Step): void {
    const frame = this.open.current;
    const success = this.success(next);
    const end = this.endFrame(step, frame, success);
    this.checkTableEnd(frame, end, success, step);
    const gasUsedSum = frame.gasUsedSum;
    this.open.close();
    const caller = this.open.current;
    const { call } = caller;
    const gas = caller.callKeeps + end.left;
    if (next.gas !== gas) this.fail("return_gas", gas, next.gas, next.index);
    this.checkHeight(call, next);
    this.checkNextPlace(call, next);
    const gasUsed = call.gas - next.gas;
    caller.gasUsedSum += gasUsed;
    const callTo = caller.callTarget ?? next.address(0);
    if (frame.isCreation && success) this.checkCreated(frame.tablePosition, callTo, next);
    this.rows.addStep(
      call,
      { gasUsed, gasSelf: Math.max(0, gasUsed - gasUsedSum), error: call.error, callTo },
      this.open,
    );
  }

  private checkCreated(position: number, created: string, next: Step): void {
    const target = this.input.frames.target(position);
    if (target !== null && target !== created) {
      this.fail("created_address", target, created, next.index);
    }
  }

  private checkTableEnd(frame: OpenFrame, end: FrameEnd, success: boolean, step: Step): void {
    const { cursor } = this;
    const position = frame.tablePosition;
    if (cursor.child(position) >= 0) {
      this.fail(
        "call_tree",
        "no more frames",
        "a frame of the callTracer without steps",
        step.index,
      );
    }
    const used = frame.firstGas - end.left;
    if (this.input.frames.gasUsed[position] !== used) {
      this.fail("call_gas_used", this.input.frames.gasUsed[position], used, step.index);
    }
    if (cursor.succeeded(position) !== success) {
      this.fail(
        "call_outcome",
        success ? "success" : "an error",
        "the other in the callTracer",
        step.index,
      );
    }
  }

  /** A call or creation whose next step has the same depth: no step ran in between, and none is missing. */
  private passOver(step: Step, next: Step): void {
    this.checkNextPlace(step, next);
    const frame = this.open.current;
    const child = this.takeChild(step, next, frame.tablePosition);
    const { overhead, forwarded, given } = this.forwarding(step, frame, child);
    const success = this.success(next);
    const used = given - (next.gas - (step.gas - overhead - forwarded));
    if (!(used >= 0 && used <= given))
      this.fail("call_gas_used", `0 to ${given}`, used, next.index);
    if (this.cursor.succeeded(child) !== success) {
      this.fail(
        "call_outcome",
        success ? "success" : "an error",
        "the other in the callTracer",
        step.index,
      );
    }
    const gasUsed = step.gas - next.gas;
    frame.gasUsedSum += gasUsed;
    const isCreation = isCreate[step.op] === 1;
    const callTo = isCreation ? next.address(0) : step.address(1);
    const hasFrame = isCreation
      ? this.passOverCreation({ used, given, success, child, next })
      : this.passOverCall(step, { used, given, success, child, next });
    if (hasFrame) {
      const { gas, gasUsed: tableGasUsed } = this.input.frames;
      if (gas[child] !== given) this.fail("call_gas", gas[child], given, step.index);
      if (tableGasUsed[child] !== used) {
        this.fail("call_gas_used", tableGasUsed[child], used, step.index);
      }
    }
    if (isCreation && success) this.checkCreated(child, callTo, next);
    this.rows.addStep(step, { gasUsed, gasSelf: gasUsed, error: step.error, callTo }, this.open);
    if (hasFrame) this.rows.addSynthetic(step, this.open.takeId(), callTo, this.open);
  }

  /** Empty init code has a frame; balance, depth, nonce and an occupied address let none be. */
  private passOverCreation(call: PassedOver): boolean {
    const { used, given, success, child, next } = call;
    if (success) {
      if (used !== 0) this.fail("steps_of_call", "steps of the init code", "none", next.index);
      return true;
    }
    if (used === 0 && (given === 0 || !this.cursor.collided(child))) return false;
    if (used !== given || !this.cursor.collided(child)) {
      this.fail("steps_of_call", "steps of the init code", "none", next.index);
    }
    return false;
  }

  private passOverCall(step: Step, call: PassedOver): boolean {
    const { used, given, success, child, next } = call;
    const precompile = precompileAt(this.addressFork, step.address(1));
    if (precompile === 0) {
      if (used !== 0) this.fail("steps_of_call", "steps of the callee", "none", next.index);
      return success;
    }
    if (success) {
      this.checkPrice(step, precompile, used);
      return true;
    }
    if (used === given && !this.cursor.notEntered(child)) return true;
    if (used !== 0) this.fail("precompile_gas", `0 or ${given}`, used, next.index);
    return false;
  }

  private checkPrice(step: Step, precompile: number, used: number): void {
    if (this.rules === null) return;
    const inputBytes = step.words[stackPops[step.op] === 7 ? 4 : 3]!;
    const price = precompilePrice(this.rules.fork, precompile, inputBytes);
    if (price !== null && used !== price) {
      this.fail("precompile_gas", price, used, step.index);
    }
  }

  // Ends ------------------------------------------------------------------------------------------------------

  /** The flag that a call leaves on the stack of the step after it. */
  private success(next: Step): boolean {
    if (next.height < 1) this.fail("stack", "the outcome of a call", "an empty stack", next.index);
    return next.digits[0] !== 0;
  }

  private mustHalt(step: Step): boolean {
    if (step.error !== null && step.error !== "execution reverted") return true;
    if (step.gasCost > step.gas) return true;
    const halts = this.rules?.alwaysHalts[step.op];
    return halts === undefined ? isAlwaysInvalid(step.op) : halts === 1;
  }

  /** Ends a frame with its last step: proves that it can be the last, and lets its row leave. */
  private endFrame(step: Step, frame: OpenFrame, success: boolean): FrameEnd {
    const end = this.frameEnd(step, frame, success);
    const gasUsed = end.halted ? step.gas : step.gasCost;
    frame.gasUsedSum += gasUsed;
    const error = end.halted ? (step.error ?? haltText(step)) : step.error;
    const callTo = isCall[step.op] === 1 && step.height >= 2 ? step.address(1) : null;
    this.rows.addStep(step, { gasUsed, gasSelf: gasUsed, error, callTo }, this.open);
    if (!end.halted) {
      this.checkCost(step, frame);
      if (step.op === SELFDESTRUCT && !this.cursor.takeSelfdestruct(frame.tablePosition)) {
        this.fail("call_tree", "a SELFDESTRUCT frame in the callTracer", "none", step.index);
      }
    }
    return end;
  }

  private frameEnd(step: Step, frame: OpenFrame, success: boolean): FrameEnd {
    const left = step.gas - step.gasCost;
    if (this.mustHalt(step)) {
      if (success) this.fail("call_outcome", "a failure after a halt", "success", step.index);
      return { halted: true, left: 0 };
    }
    if (step.op === REVERT) {
      if (success) this.fail("call_outcome", "a failure after REVERT", "success", step.index);
      return { halted: false, left };
    }
    if (isEnder[step.op] === 1) {
      if (success) return { halted: false, left: left - this.deposit(step, frame, left) };
      // No client gives an error for a creation whose code could not be deposited.
      if (frame.isCreation && step.op === RETURN) return { halted: true, left: 0 };
      this.fail("call_outcome", `success after ${this.name(step.op)}`, "a failure", step.index);
    }
    if (!success && this.mayHaltSilently(step, frame)) return { halted: true, left: 0 };
    return this.fail("frame_end", "a step that ends a frame", this.name(step.op), step.index);
  }

  private mayHaltSilently(step: Step, frame: OpenFrame): boolean {
    if (!this.input.quirks.haltsSilently) return false;
    return haltsSilently[step.op] === 1 || (frame.isStatic && haltsSilentlyInStatic[step.op] === 1);
  }

  /** Gas for storing the code of a creation that succeeded. */
  private deposit(step: Step, frame: OpenFrame, left: number): number {
    if (!frame.isCreation || step.op !== RETURN) return 0;
    const gas = CODE_DEPOSIT_GAS * step.words[1]!;
    if (gas <= left) return gas;
    // Frontier keeps the creation, without its code.
    if (this.rules?.fork === "frontier") return 0;
    return this.fail("code_deposit", `at most ${left} gas`, gas, step.index);
  }

  private endLastStep(step: Step): void {
    if (step.depth !== 1) this.fail("last_step", "depth 1", `depth ${step.depth}`, step.index);
    const frame = this.open.current;
    const end = this.endFrame(step, frame, !this.failed);
    this.checkReturnSize(step, end);
    if (this.cursor.child(this.root) >= 0) {
      this.fail("call_tree", "no more frames", "a frame of the callTracer without steps");
    }
    const { gas, facts } = this;
    if (gas === null) return;
    const lastRefund = Number.isNaN(step.refund) ? 0 : step.refund;
    const possible = possibleGasUsed(
      {
        failed: this.failed,
        left: end.left,
        firstRefund: this.firstRefund,
        lastRefund: lastRefund === -1 ? Number(step.exactRefund) : lastRefund,
        lastIsSelfdestruct: step.op === SELFDESTRUCT,
      },
      facts,
      gas,
      this.input.quirks,
    );
    if (!possible.includes(facts.gasUsed)) {
      this.fail("gas_identity", possible.join(" or "), facts.gasUsed, step.index);
    }
    this.checkAuthorizationRefund();
  }

  /** The counter of geth's first step is 12500 for each authorisation whose account existed. */
  private checkAuthorizationRefund(): void {
    const existing = this.firstRefund / 12_500;
    if (this.input.quirks.refundHoldsAuthorizations) {
      if (!Number.isInteger(existing) || existing > this.facts.authorizations) {
        this.fail("refund", `12500 for each of ${this.facts.authorizations}`, this.firstRefund, 0);
      }
    }
  }

  private checkReturnSize(step: Step, end: FrameEnd): void {
    if (end.halted || (step.op !== RETURN && step.op !== REVERT)) return;
    const size = step.words[1]!;
    if (size !== this.returnValue.bytes) {
      this.fail("return_value", `${size} bytes`, `${this.returnValue.bytes} bytes`, step.index);
    }
  }

  /** Rule 3: a transaction without steps ran no code. */
  private endWithoutSteps(): void {
    const { facts, gas, cursor } = this;
    const ranCode =
      cursor.child(this.root) >= 0 ||
      (gas !== null && !this.paysForNoCode(gas)) ||
      (gas === null && this.failed);
    if (!ranCode) return;
    this.stepless ??= mismatch("steps_of_transaction", {
      expected: `steps of ${facts.to ?? "a creation"} (gas used ${facts.gasUsed})`,
      actual: "none",
      transactionIndex: facts.index,
    });
  }

  private paysForNoCode(gas: TransactionGas): boolean {
    const { facts } = this;
    const before = this.gasOfNoCode(gas);
    return (
      before !== null && possibleGasUsedWithoutSteps(before, facts, gas).includes(facts.gasUsed)
    );
  }

  /** Gas used before refunds by a transaction that ran no step; null where that cannot be. */
  private gasOfNoCode(gas: TransactionGas): number | null {
    const { facts } = this;
    if (gas.precompile === 0) return this.failed ? null : gas.intrinsic;
    if (this.failed) return facts.gasLimit;
    const price = precompilePrice(this.addressFork, gas.precompile, (facts.input.length - 2) / 2);
    if (price !== null) return gas.intrinsic + price;
    // The input's bytes decide the price: all between nothing and the limit is possible.
    const within = facts.gasUsed >= gas.intrinsic && facts.gasUsed <= facts.gasLimit;
    return within ? facts.gasUsed : null;
  }

  /** Rules 1 and 2: the trace is this transaction's, and says of it what its receipt says. */
  private checkHead(head: TraceHead): void {
    const { facts, failed, input } = this;
    if (head.txHash !== null && head.txHash !== facts.hash) {
      this.fail("transaction_hash", facts.hash, head.txHash);
    }
    if (!head.hasSteps) {
      throw malformed("structLogs", "a result has no structLogs", {
        transactionIndex: facts.index,
      });
    }
    const gas = input.quirks.gasIsCumulative ? facts.cumulativeGasUsed : facts.gasUsed;
    if (head.gas !== gas) this.fail("trace_gas", gas, head.gas);
    if (input.frames.gasUsed[this.root] !== gas) {
      this.fail("call_gas_used", gas, input.frames.gasUsed[this.root]);
    }
    if (head.failed !== failed) this.fail("trace_failed", failed, head.failed);
    if (this.cursor.succeeded(this.root) === failed) {
      this.fail("call_outcome", failed ? "an error" : "success", "the other in the callTracer");
    }
    const rootType = input.frames.operation[this.root]!;
    if ((rootType === CREATE) !== facts.isCreation) {
      this.fail(
        "call_tree",
        facts.isCreation ? "a CREATE root" : "a CALL root",
        this.name(rootType),
      );
    }
    const wrong = this.returnValue.wrong();
    if (wrong !== null) this.fail("return_value", wrong.expected, wrong.actual);
  }

  private name(operation: number): string {
    return this.rows.columns.operationNames[operation] ?? UNKNOWN_STEP;
  }

  private fail(check: string, expected: unknown, actual: unknown, stepIndex?: number): never {
    throw mismatch(check, { expected, actual, transactionIndex: this.facts.index, stepIndex });
  }
}

/** Opcodes that halt under every fork. */
function isAlwaysInvalid(operation: number): boolean {
  return operation === INVALID || operation === UNDEFINED;
}

/**
 * Our word for a halt where the node has none. A RETURN whose code could not be deposited did not halt itself,
 * though all its gas is gone: no error (golden transactions).
 */
function haltText(step: Step): string | null {
  if (step.gasCost > step.gas) return "out of gas";
  if (step.op === RETURN) return null;
  return isAlwaysInvalid(step.op) ? "invalid opcode" : "halted";
}

type PassedOver = {
  readonly used: number;
  readonly given: number;
  readonly success: boolean;
  readonly child: number;
  readonly next: Step;
};
