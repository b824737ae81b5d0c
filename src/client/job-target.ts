import { startCommands } from "./jobs.ts";
import type { OpenJob } from "./open-jobs.ts";
import type { CallTarget } from "./temporal-call.ts";

/** How errors name a job, and the command that starts it. */
export function targetOf({
  workflowId,
  kind,
  network,
  range,
}: Pick<OpenJob, "workflowId" | "kind" | "network" | "range">): CallTarget {
  if (kind === "follow") return { workflowId, startCommand: startCommands.follow(network) };
  if (kind === "gap-fill") return { workflowId, startCommand: startCommands.gapFill(network) };
  const blocks = range ?? { fromBlock: 0, toBlock: 0 };
  return { workflowId, startCommand: startCommands.backfill(network, blocks) };
}
