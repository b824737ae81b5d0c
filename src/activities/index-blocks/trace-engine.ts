import type { RpcBlock, RpcReceipt } from "../../domain/chain.ts";
import type { BlockTrace, BlockTraceInput } from "../../trace/block-trace.ts";
import type { StructlogColumns } from "../../trace/structlog-columns.ts";
import type { TransactionRow } from "../../trace/transaction-rows.ts";

/** What src/trace does for the block job; a seam, so that tests may put the simplest engine in its place. */
export type TraceEngine = {
  createBlockTrace(input: BlockTraceInput): BlockTrace;
  clearColumns(columns: StructlogColumns): void;
  /** Rule 0 of the proof: header hash, transaction hashes and both roots. @throws {TraceRejected} */
  verifyBlockRoots(input: BlockTraceInput): Promise<RootsVerdict>;
  toTransactionRows(input: {
    readonly block: RpcBlock;
    readonly receipts: readonly RpcReceipt[];
    readonly structlogCounts: readonly number[];
  }): TransactionRow[];
};

export type RootsVerdict = {
  readonly checked: readonly string[];
  readonly unverified: readonly { readonly check: string; readonly why: string }[];
};
