import type { BackfillEnd } from "../watch-backfill.ts";
import { formatBlocks, formatCount } from "./format.ts";

/** How a backfill ended, in words. */
export function describeEnd(workflowId: string, { state, result, reason }: BackfillEnd): string {
  if (result === null) return `${workflowId} ended: ${state}.${reason ? `\n${reason}` : ""}`;
  const { blocks, transactions, rows, failed } = result;
  const rest = failed > 0 ? " (gap-fill goes on with them)" : "";
  // Blocks that were complete already are done too, and nothing of them is written.
  const written = `written: ${formatCount(transactions)} transactions, ${formatCount(rows)} rows`;
  return `${workflowId} is done: ${formatBlocks(blocks)}, ${formatCount(failed)} failed${rest}; ${written}.`;
}
