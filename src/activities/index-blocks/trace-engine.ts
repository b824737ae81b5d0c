import type { BlockTrace, BlockTraceInput } from "../../trace/block-trace.ts";
import type { StructlogColumns } from "../../trace/structlog-columns.ts";
import type { toTransactionRows } from "../../trace/transaction-rows.ts";

/** What src/trace does for the block job; a seam, so that tests may put the simplest engine in its place. */
export type TraceEngine = {
  createBlockTrace(input: BlockTraceInput): BlockTrace;
  clearStructlogColumns(columns: StructlogColumns): void;
  /** Rule 0 of the proof: header hash, transaction hashes and both roots. @throws {TraceRejected} */
  verifyBlockRoots(input: BlockTraceInput): Promise<RootsVerdict>;
  readonly toTransactionRows: typeof toTransactionRows;
};

export type RootsVerdict = {
  readonly checked: readonly string[];
  readonly unverified: readonly { readonly check: string; readonly why: string }[];
};
