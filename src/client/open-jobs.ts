import type { Client, WorkflowExecutionInfo } from "@temporalio/client";
import type { BlockRange } from "../domain/block-range.ts";
import { callTemporal } from "./temporal-call.ts";

/** The kinds of workflow that index blocks. */
export const jobKinds = ["follow", "backfill", "gap-fill"] as const;
export type JobKind = (typeof jobKinds)[number];

export const workflowTypes: Readonly<Record<JobKind, string>> = {
  follow: "followWorkflow",
  backfill: "backfillWorkflow",
  "gap-fill": "gapFillWorkflow",
};

/** A job that runs, as Temporal lists it. */
export type OpenJob = {
  readonly workflowId: string;
  readonly kind: JobKind;
  readonly network: string;
  /** null unless a backfill. */
  readonly range: BlockRange | null;
  readonly startedAt: string;
  readonly donePercent: number | null;
};

/**
 * Lists the running jobs, oldest first. Reads Temporal's visibility, which lags by up to some seconds.
 * The workflow type finds also those that were started by hand, without our search attributes.
 */
export async function listOpenJobs(
  client: Client,
  filter: { readonly network?: string; readonly kind?: JobKind } = {},
): Promise<OpenJob[]> {
  const kinds = filter.kind ? [filter.kind] : jobKinds;
  const found = await Promise.all(kinds.map((kind) => listKind(client, kind)));
  return found
    .flat()
    .filter((job) => filter.network === undefined || job.network === filter.network)
    .toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}

async function listKind(client: Client, kind: JobKind): Promise<OpenJob[]> {
  const target = { workflowId: `${kind}/…`, startCommand: `npm run client -- ${kind}` };
  const query = `WorkflowType = '${workflowTypes[kind]}' AND ExecutionStatus = 'Running'`;
  return callTemporal(client, target, async () => {
    const jobs: OpenJob[] = [];
    for await (const info of client.workflow.list({ query })) {
      const job = toOpenJob(kind, info);
      if (job) jobs.push(job);
    }
    return jobs;
  });
}

const idParts = /^[\w-]+\/([^/]+)(?:\/(\d+)-(\d+))?$/;

/** The network that a workflow id names; undefined for an id that is none of ours. */
export function networkOf(workflowId: string): string | undefined {
  return idParts.exec(workflowId)?.[1];
}

/** What a workflow id says (messages.ts, workflowIds); undefined for an id that is none of ours. */
function toOpenJob(kind: JobKind, info: WorkflowExecutionInfo): OpenJob | undefined {
  const [, network, from, to] = idParts.exec(info.workflowId) ?? [];
  if (network === undefined) return undefined;
  const { DonePercent: percent } = Object.fromEntries(
    info.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
  );
  return {
    workflowId: info.workflowId,
    kind,
    network,
    range: from && to ? { fromBlock: Number(from), toBlock: Number(to) } : null,
    startedAt: info.startTime.toISOString(),
    donePercent: typeof percent === "number" ? percent : null,
  };
}
