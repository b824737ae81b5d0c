import { verifyBlockRoots } from "./block-roots.ts";
import { createBlockTrace } from "./block-trace.ts";
import { clearStructlogAggColumns } from "./structlog-agg-columns.ts";
import { clearStructlogColumns } from "./structlog-columns.ts";
import { toTransactionRows } from "./transaction-rows.ts";

/** What the block job takes from this folder. */
export const traceEngine = {
  createBlockTrace,
  clearStructlogColumns,
  clearStructlogAggColumns,
  verifyBlockRoots,
  toTransactionRows,
} as const;
