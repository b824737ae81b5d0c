import type { verifyBlockRoots } from "../../trace/block-roots.ts";
import type { createBlockTrace } from "../../trace/block-trace.ts";
import type { clearStructlogAggColumns } from "../../trace/structlog-agg-columns.ts";
import type { clearStructlogColumns } from "../../trace/structlog-columns.ts";
import type { toTransactionRows } from "../../trace/transaction-rows.ts";

/** What src/trace does for the block job; a seam, so that tests may put the simplest engine in its place. */
export type TraceEngine = {
  readonly createBlockTrace: typeof createBlockTrace;
  readonly clearStructlogColumns: typeof clearStructlogColumns;
  readonly clearStructlogAggColumns: typeof clearStructlogAggColumns;
  readonly verifyBlockRoots: typeof verifyBlockRoots;
  readonly toTransactionRows: typeof toTransactionRows;
};
