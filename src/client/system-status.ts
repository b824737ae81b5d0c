import type { Client } from "@temporalio/client";
import { JobNotRunningError } from "../errors.ts";
import { type JobStatus, readJobStatus } from "./job-status.ts";
import { listOpenJobs } from "./open-jobs.ts";
import { listWorkers, type QueueWorkers } from "./workers.ts";

export type SystemStatus = {
  readonly jobs: readonly (JobStatus & { readonly link: string | null })[];
  readonly workers: readonly QueueWorkers[];
};

/**
 * Every job that runs, and who works.
 * @param question.network - only this one; absent: the configured ones, and those that jobs run for.
 */
export async function readSystemStatus(
  client: Client,
  question: {
    readonly network?: string;
    readonly configured: readonly string[];
    readonly linkTo: (workflowId: string) => string | null;
  },
): Promise<SystemStatus> {
  const { network, configured, linkTo } = question;
  const jobs = await readJobs(client, network === undefined ? {} : { network });
  const networks =
    network === undefined
      ? [...new Set([...jobs.map((job) => job.network), ...configured])]
      : [network];
  const workers = await listWorkers(client, networks);
  return { jobs: jobs.map((job) => ({ ...job, link: linkTo(job.workflowId) })), workers };
}

/** A job that ends between the list and the look is left out. */
async function readJobs(client: Client, filter: { network?: string }): Promise<JobStatus[]> {
  const open = await listOpenJobs(client, filter);
  const read = await Promise.all(
    open.map((job) =>
      readJobStatus(client, job).catch((error: unknown) => {
        if (error instanceof JobNotRunningError) return undefined;
        throw error;
      }),
    ),
  );
  return read.filter((job) => job !== undefined);
}
