import type { RpcBlock } from "../domain/chain.ts";
import { type Fork, isAtLeast } from "../domain/fork.ts";
import type { CallFrames } from "./call-frames.ts";
import { CallTableCursor } from "./call-table-cursor.ts";
import type { ClientQuirks } from "./client-quirks.ts";
import { CALL_STIPEND, type Forwarding, GasRules } from "./gas-rules.ts";
import { CALL, CALLCODE, DIFFICULTY, isCall, PREVRANDAO } from "./opcodes.ts";
import { OpenFrames } from "./open-frames.ts";
import type { ProofForm } from "./proof-form.ts";
import { ReturnValueCheck } from "./return-value-check.ts";
import type { Step } from "./step.ts";
import type { StructlogAggColumns } from "./structlog-agg-columns.ts";
import { StructlogAggRows } from "./structlog-agg-rows.ts";
import type { StructlogColumns } from "./structlog-columns.ts";
import { StructlogRows } from "./structlog-rows.ts";
import { mismatch } from "./trace-rejected.ts";
import { type TransactionFacts, type TransactionGas, transactionGas } from "./transaction-facts.ts";

export type WalkInput = {
  readonly block: RpcBlock;
  readonly transactions: readonly TransactionFacts[];
  readonly frames: CallFrames;
  /** Null: no gas rule is known, so none is checked. */
  readonly fork: Fork | null;
  readonly quirks: ClientQuirks;
  readonly form: ProofForm<WalkState>;
  /** Null: the rows of steps are counted, not kept. */
  readonly columns: StructlogColumns | null;
  /** Null: frames are not summed up. */
  readonly aggColumns: StructlogAggColumns | null;
  /** By operation id. */
  readonly operationNames: readonly string[];
};

/** What the parts of a walk share: the block's facts, the transaction in hand, its open frames. */
export class WalkState {
  readonly block: RpcBlock;
  readonly transactions: readonly TransactionFacts[];
  readonly table: CallFrames;
  readonly quirks: ClientQuirks;
  readonly form: ProofForm<WalkState>;
  readonly fork: Fork | null;
  /** Null where no gas rule is known. */
  readonly rules: GasRules | null;
  /** Precompiles are told apart by this fork even where no gas rule is known. */
  readonly addressFork: Fork;
  /** The operation id of byte 0x44 in this block, whatever the node calls it (D25). */
  readonly difficultyOp: number;
  readonly cursor: CallTableCursor;
  readonly rows: StructlogRows;
  /** Null where frames are not summed up. */
  readonly aggs: StructlogAggRows | null;
  private readonly operationNames: readonly string[];
  readonly open = new OpenFrames();
  readonly returnValue = new ReturnValueCheck();
  /** Names that no opcode table knows: their gas cannot be checked. */
  readonly unknownOperations = new Set<string>();
  /** Whether gas went another way than any known fork's: possible only where the fork is unknown. */
  otherGasRules = false;
  /** Opcodes that halted without a sign where no measured client does. */
  readonly silentHalts = new Set<string>();
  /** Whether a refund was found by what is missing in the receipt's gas, the client sending no counter. */
  inferredRefunds = false;
  facts!: TransactionFacts;
  /** What the transaction pays whatever it runs; null where no gas rule is known. */
  gas: TransactionGas | null = null;
  failed = false;
  /** Position of the transaction's root in the callTracer's table. */
  root = -1;

  constructor(input: WalkInput) {
    const { block, transactions, frames, quirks, fork, columns, aggColumns } = input;
    this.block = block;
    this.transactions = transactions;
    this.table = frames;
    this.quirks = quirks;
    this.form = input.form;
    this.fork = fork;
    this.rules = fork === null ? null : GasRules.of(fork, quirks);
    this.addressFork = fork ?? "osaka";
    const isProofOfStake =
      fork === null ? Number(block.difficulty) === 0 : isAtLeast(fork, "paris");
    this.difficultyOp = isProofOfStake ? PREVRANDAO : DIFFICULTY;
    this.cursor = new CallTableCursor(frames);
    this.rows = new StructlogRows(columns);
    const hasRules = fork !== null;
    const knowsAccesses = hasRules && isAtLeast(fork, "berlin");
    this.aggs =
      aggColumns === null
        ? null
        : new StructlogAggRows(aggColumns, {
            stacks: input.form.hasStacks,
            coldAccesses: knowsAccesses,
            expansionGas: hasRules,
          });
    this.operationNames = input.operationNames;
  }

  /** Goes to the transaction at `position`. @throws {TraceRejected} where the block has none there. */
  begin(position: number): void {
    const facts = this.transactions[position];
    const transaction = this.block.transactions[position];
    if (facts === undefined || transaction === undefined) {
      throw mismatch("one_trace_per_transaction", {
        expected: `${this.transactions.length} traces`,
        actual: "more",
      });
    }
    this.facts = facts;
    this.gas = this.fork === null ? null : transactionGas(this.fork, transaction);
    this.root = this.cursor.begin(position);
    this.failed = facts.failed ?? !this.cursor.succeeded(this.root);
    this.open.reset();
    const returnValue = this.table.outputs[position] ?? null;
    this.returnValue.begin(returnValue);
    this.rows.begin(facts.index, {
      hash: facts.hash,
      gasUsed: facts.gasUsed,
      failed: this.failed,
      returnValue,
    });
    this.aggs?.begin(facts.index, facts.hash);
  }

  /** The opcode's name, for messages. */
  name(operation: number): string {
    return this.operationNames[operation] ?? "an unknown opcode";
  }

  /** What a call or creation costs and hands on by the callTracer, whose frame of it is `child`. */
  forwardingByTable(step: Step, child: number): Forwarding {
    const given = this.table.gas[child]!;
    const movesValue =
      (step.op === CALL || step.op === CALLCODE) && this.table.hasValue[child] === 1;
    const forwarded = movesValue ? given - CALL_STIPEND : given;
    const calls = isCall[step.op] === 1;
    const costHoldsForwarded = calls || !isCostOfCreationAlone(step, given);
    const overhead = costHoldsForwarded ? step.gasCost - forwarded : step.gasCost;
    return { overhead, forwarded, given, movesValue, coldAccesses: calls ? Number.NaN : 0 };
  }

  /** @throws {TraceRejected} proof_mismatch, always. */
  fail(check: string, expected: unknown, actual: unknown, stepIndex?: number): never {
    throw mismatch(check, { expected, actual, transactionIndex: this.facts.index, stepIndex });
  }

  /** Compares gas; where no gas rule is known (another dimension of gas may be hidden) it only takes note. */
  checkGas(check: string, expected: number, actual: number, stepIndex: number): void {
    if (expected === actual) return;
    if (this.rules !== null) this.fail(check, expected, actual, stepIndex);
    this.otherGasRules = true;
  }
}

/**
 * Whether the cost of a CREATE* leaves the gas handed on out: clients differ in it (1.2), but what is handed on is all
 * that the cost leaves, but for one 64th from Tangerine on.
 */
function isCostOfCreationAlone({ gas, gasCost }: Step, given: number): boolean {
  const left = gas - gasCost;
  return given === left || given === left - Math.floor(left / 64);
}
