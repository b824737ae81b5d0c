import type { Client } from "@temporalio/client";
import type { Command } from "commander";
import { AppError, JobNotRunningError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { type JobStatus, readJobStatus } from "../job-status.ts";
import { listOpenJobs } from "../open-jobs.ts";
import type { Outcome } from "../outcome.ts";
import { formatStatus } from "../views/job-view.ts";
import { listWorkers } from "../workers.ts";
import { type Act, addExamples } from "./act.ts";

const watchIntervalMs = 1_000;

export function addStatus(program: Command, act: Act): void {
  const status = program
    .command("status")
    .description("every job that runs: how far, how fast, what it waits for; and who works")
    .option("--watch", "again every second, on a terminal, until Ctrl-C")
    .action(({ watch }: { watch?: true }) => act((context) => showStatus(context, watch === true)));
  addExamples(status, "status", "status --watch", "status --json --network mainnet");
}

async function showStatus(context: CommandContext, watch: boolean): Promise<Outcome> {
  if (watch && context.terminal.isInteractive) {
    await context.terminal.watch(() => renderStatus(context), watchIntervalMs);
    return { json: null, text: "" };
  }
  return readStatus(context);
}

/** An outage is part of what is watched, and ends by itself. */
async function renderStatus(context: CommandContext): Promise<string> {
  try {
    return (await readStatus(context)).text;
  } catch (error) {
    if (error instanceof AppError && error.retryable) return error.message;
    throw error;
  }
}

async function readStatus(context: CommandContext): Promise<Outcome> {
  const filter = context.networkOption === undefined ? {} : { network: context.network().name };
  const client = await context.temporal();
  const jobs = await readJobs(client, filter);
  const configured = context.config().networks.map(({ name }) => name);
  const networks = new Set([...jobs.map(({ network }) => network), ...configured]);
  const workers = await listWorkers(
    client,
    filter.network === undefined ? [...networks] : [filter.network],
  );
  const linked = jobs.map((job) => ({ ...job, link: context.workflowLink(job.workflowId) }));
  return { json: { jobs: linked, workers }, text: formatStatus(jobs, workers) };
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
