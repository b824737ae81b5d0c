import { untilAborted } from "./abortable.ts";
import type { Run } from "./run.ts";

/** Where a closed range ends: at the head, if it is to stop there rather than book what the chain does not have. */
export async function lastBlockOf(run: Run, toBlock: number): Promise<number> {
  if (run.input.stopAtHead !== true) return toBlock;
  const head = await untilAborted(run.network.node.head("latest", run.signal), run.signal);
  run.progress.head = head?.number ?? null;
  return Math.min(toBlock, head?.number ?? -1);
}
