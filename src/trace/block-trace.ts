import type { RpcBlock, RpcReceipt } from "../domain/chain.ts";
import type { Fork } from "../domain/fork.ts";
import type { Processor } from "../domain/processor.ts";
import { BlockWalk } from "./block-walk.ts";
import { CallScanner } from "./call-scanner.ts";
import { quirksOf } from "./client-quirks.ts";
import { formWithStacks } from "./form-with-stacks.ts";
import { formWithoutStacks } from "./form-without-stacks.ts";
import { StepScanner } from "./step-scanner.ts";
import { createStructlogAggColumns, type StructlogAggColumns } from "./structlog-agg-columns.ts";
import { createStructlogColumns, type StructlogColumns } from "./structlog-columns.ts";
import { mismatch } from "./trace-rejected.ts";
import type { CallWithoutSteps } from "./transaction-end.ts";
import { type TransactionFacts, toTransactionFacts } from "./transaction-facts.ts";

export type BlockTraceInput = {
  readonly block: RpcBlock;
  readonly receipts: readonly RpcReceipt[];
  /** null = unknown: the block ends unverified. */
  readonly fork: Fork | null;
  /** `web3_clientVersion`: chooses the quirks of a client. */
  readonly clientVersion: string;
  /**
   * Whether the steps come with stacks (default: they do). Without them the callTracer tells what they would, and what
   * needs operands is NULL: memory columns, and cold accesses of CALL* and EXTCODECOPY.
   */
  readonly stacks?: boolean | undefined;
  /** Whose rows are derived; absent: structlog's alone. Rows of `transaction` need none of it (toTransactionRows). */
  readonly processors?: readonly Processor[] | undefined;
};

/** What the proof says of a block. */
export type BlockProof = {
  readonly proof: "proven" | "unverified";
  /** What was checked, and what could not be and why; stored as JSON. */
  readonly detail: {
    readonly checked: readonly string[];
    readonly unverified: readonly { check: string; why: string }[];
  };
  readonly structlogCount: number;
  /** Steps of each transaction, by position. */
  readonly structlogCounts: readonly number[];
  /** Rows of execution_structlog: steps and synthetic frames. */
  readonly structlogRows: number;
  /** Rows of execution_structlog_agg; absent where that processor was not asked for. */
  readonly structlogAggRows?: number | undefined;
  /** Whether each transaction failed, by position: before Byzantium no receipt says so. Absent: none was traced. */
  readonly failedByTrace?: readonly boolean[] | undefined;
  /**
   * Calls that came without steps and may have run code for all that the trace tells: whose account had code, ran it.
   * Absent: none.
   */
  readonly callsWithoutSteps?: readonly CallWithoutSteps[] | undefined;
};

/**
 * One pass over one block: first all bytes of the callTracer answer, then all bytes of the struct logger's,
 * each as the whole JSON-RPC response. Memory is constant but for open calls and the table of frames.
 * Every method throws {@link TraceRejected} when the bytes are no trace or contradict the block; the block's
 * trace is of no use after that.
 */
export interface BlockTrace {
  scanCalls(chunk: Uint8Array): void;
  endCalls(): void;
  /**
   * Appends the rows whose step is resolved to `columns`, and those of frames that ended to `aggColumns`; the caller
   * empties both between two chunks.
   */
  scanSteps(chunk: Uint8Array): void;
  /** Appends the last rows and gives the verdict. */
  endSteps(): BlockProof;
  /** Empty where structlog was not asked for. */
  readonly columns: StructlogColumns;
  /** Absent where structlog_agg was not asked for. */
  readonly aggColumns?: StructlogAggColumns | undefined;
}

/**
 * Begins the trace of one block.
 * @throws {TraceRejected} proof_mismatch where receipts and transactions do not belong together.
 */
export function createBlockTrace(input: BlockTraceInput): BlockTrace {
  const transactions = toTransactionFacts(input.block, input.receipts);
  // Amsterdam has gas in more than one dimension (EIP-8037): its rules are not known here. Its headers tell it where
  // nobody announced it (EIP-7928).
  const isAmsterdam = input.fork === "amsterdam" || "blockAccessListHash" in input.block;
  const fork = isAmsterdam ? null : input.fork;
  const hasStacks = input.stacks ?? true;
  const wanted = input.processors ?? ["structlog"];
  const columns = createStructlogColumns();
  const { operationNames } = columns;
  const aggColumns = wanted.includes("structlog_agg")
    ? createStructlogAggColumns(operationNames)
    : undefined;
  const calls = new CallScanner();
  const walk = new BlockWalk({
    block: input.block,
    transactions,
    frames: calls.frames,
    fork,
    quirks: quirksOf(input.clientVersion),
    form: hasStacks ? formWithStacks : formWithoutStacks,
    columns: wanted.includes("structlog") ? columns : null,
    aggColumns: aggColumns ?? null,
    operationNames,
  });
  const steps = new StepScanner(walk, operationNames, hasStacks);
  return {
    columns,
    aggColumns,
    scanCalls: (chunk) => calls.scan(chunk),
    endCalls: () => {
      calls.end();
      checkCallHashes(calls, transactions);
    },
    scanSteps: (chunk) => steps.scan(chunk),
    endSteps: () => {
      steps.end();
      walk.endBlock();
      return toProof(walk, { ...input, fork });
    },
  };
}

function checkCallHashes(calls: CallScanner, transactions: readonly TransactionFacts[]): void {
  const hashes = calls.transactionHashes;
  if (hashes.length !== transactions.length) {
    throw mismatch("one_trace_per_transaction", {
      expected: `${transactions.length} call trees`,
      actual: hashes.length,
    });
  }
  for (const [position, { hash, index }] of transactions.entries()) {
    const traced = hashes[position];
    if (traced !== null && traced !== hash) {
      throw mismatch("transaction_hash", {
        expected: hash,
        actual: traced,
        transactionIndex: index,
      });
    }
  }
}

const structuralChecks = [
  "one_trace_per_transaction",
  "receipts",
  "step_continuity",
  "call_tree",
  "return_values",
];
const gasChecks = ["intrinsic_gas", "gas_costs", "forwarded_gas", "precompile_gas", "gas_identity"];
/** The client sends no refund counter: the refund is held against its cap alone. */
const gasChecksWithoutCounter = gasChecks.map((check) =>
  check === "gas_identity" ? "gas_identity_within_refund_cap" : check,
);

function toProof(walk: BlockWalk, input: BlockTraceInput): BlockProof {
  const checked = walk.state.form.hasStacks
    ? [...structuralChecks, "stack_heights"]
    : structuralChecks;
  const gas = walk.state.inferredRefunds ? gasChecksWithoutCounter : gasChecks;
  const unverified = [
    ...unknownFork(input),
    ...otherGasRules(walk),
    ...unknownOperations(walk),
    ...silentHalts(walk),
  ];
  return {
    proof: unverified.length === 0 ? "proven" : "unverified",
    detail: {
      checked: input.fork === null ? checked : [...checked, ...gas],
      unverified,
    },
    structlogCount: walk.stepCounts.reduce((sum, count) => sum + count, 0),
    structlogCounts: walk.stepCounts,
    structlogRows: walk.state.rows.count,
    structlogAggRows: walk.state.aggs?.count,
    failedByTrace: walk.failures,
    callsWithoutSteps: walk.callsWithoutSteps,
  };
}

function unknownFork(input: BlockTraceInput): { check: string; why: string }[] {
  if (input.fork !== null) return [];
  return [{ check: gasChecks.join(", "), why: "the fork of the block is unknown" }];
}

function otherGasRules(walk: BlockWalk): { check: string; why: string }[] {
  if (!walk.state.otherGasRules) return [];
  return [{ check: "step_continuity", why: "gas goes by rules of no known fork" }];
}

function unknownOperations(walk: BlockWalk): { check: string; why: string }[] {
  if (walk.state.unknownOperations.size === 0) return [];
  const names = [...walk.state.unknownOperations].slice(0, 10).join(", ");
  return [{ check: "gas_costs", why: `opcodes of unknown cost: ${names}` }];
}

function silentHalts(walk: BlockWalk): { check: string; why: string }[] {
  if (walk.state.silentHalts.size === 0) return [];
  const names = [...walk.state.silentHalts].slice(0, 10).join(", ");
  return [{ check: "frame_end", why: `halts that the client gives no sign of: ${names}` }];
}
