import type { BackfillEnd } from "../watch-backfill.ts";
import { formatBlocks, formatCount } from "./format.ts";

/** How a backfill ended, in words. */
export function describeEnd(workflowId: string, { state, result, reason }: BackfillEnd): string {
  if (result === null) return `${workflowId} ended: ${state}.${reason ? `\n${reason}` : ""}`;
  const { blocks, transactions, rows, failed } = result;
  const counts = `${formatBlocks(blocks)}, ${formatCount(transactions)} transactions, ${formatCount(rows)} rows`;
  return `${workflowId} is done: ${counts}, ${formatCount(failed)} failed${failed > 0 ? " (gap-fill goes on with them)" : ""}.`;
}
