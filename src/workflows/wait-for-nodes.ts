import { condition, metricMeter } from "@temporalio/workflow";
import type { NodeBudgets } from "./node-budgets.ts";
import type { NodeProgress } from "./waiting.ts";

/** A shorter rest would only spend events. */
const shortestRestMs = 100;

const traces = metricMeter.createGauge(
  "blockloom_job_node_traces",
  "int",
  undefined,
  "Traces that a job allows at a node at once, on all workers together, since the node refused; 0: as many as the workers take.",
);
const rests = metricMeter.createCounter(
  "blockloom_job_rests",
  undefined,
  "Times that a job stood still because every node asked to be left alone.",
);

export type JobTags = { readonly network: string; readonly job_kind: string };

/** Shows what a job decided of its nodes; one that never refused has no series. */
export function meterBudgets(tags: JobTags, nodes: readonly NodeProgress[] | undefined): void {
  for (const { node, traces: allowed } of nodes ?? []) traces.set(allowed ?? 0, { ...tags, node });
}

/** Waits while every node asks to be left alone, or until `isOver` says that there is something else to do. */
export async function waitForNodes(
  nodes: NodeBudgets,
  tags: JobTags,
  isOver: () => boolean,
): Promise<void> {
  rests.add(1, tags);
  const restMs = nodes.restMs(Date.now());
  await condition(isOver, Math.max(restMs, shortestRestMs), {
    summary: "waits because every node asks to be left alone",
  });
}
