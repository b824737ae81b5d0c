import type { Command } from "commander";
import type { NetworkConfig } from "../../config/load-config.ts";
import { JobNotRunningError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { describeJob, readJobStatus } from "../job-status.ts";
import { targetOf } from "../job-target.ts";
import type { OpenJob } from "../open-jobs.ts";
import type { Outcome } from "../outcome.ts";
import { signalJob, stopJob } from "../steer-job.ts";
import { describeEnd } from "../views/backfill-end-view.ts";
import { formatJob } from "../views/job-view.ts";
import { formatNext } from "../views/next-steps.ts";
import { readEnd } from "../watch-backfill.ts";
import type { Act } from "./act.ts";

/** A job that one of the commands names: of a network, and for a backfill of a range. */
export type NamedJob = Pick<OpenJob, "workflowId" | "kind" | "network" | "range">;
type NameJob = (network: NetworkConfig, range: string) => NamedJob;

/** Adds `stop`, `pause`, `resume` and `status`, which every job has. */
export function addSteering(
  parent: Command,
  act: Act,
  job: { readonly name: NameJob; readonly argument?: string },
): void {
  const add = (
    name: string,
    description: string,
    work: (context: CommandContext, named: NamedJob) => Promise<Outcome>,
  ) => {
    const command = parent.command(name).description(description);
    if (job.argument) command.argument(job.argument);
    command.action((range: unknown) =>
      act((context) =>
        work(context, job.name(context.network(), typeof range === "string" ? range : "")),
      ),
    );
  };
  add("stop", "cancel it: it drains, and what it did stays", stop);
  add("pause", "begin nothing new; what is in hand is finished", (context, named) =>
    signal(context, named, "pause"),
  );
  add("resume", "go on after a pause", (context, named) => signal(context, named, "resume"));
  add("status", "how far it is, and what it waits for", showStatus);
}

async function stop(context: CommandContext, job: NamedJob): Promise<Outcome> {
  const { ended } = await stopJob(await context.temporal(), targetOf(job));
  const { workflowId } = job;
  return {
    json: { workflowId, stopped: ended },
    text: ended
      ? `Stopped ${workflowId}; what it did stays.`
      : `${workflowId} is asked to stop and still drains.${formatNext({ link: context.workflowLink(workflowId) })}`,
  };
}

async function signal(
  context: CommandContext,
  job: NamedJob,
  name: "pause" | "resume",
): Promise<Outcome> {
  await signalJob(await context.temporal(), targetOf(job), name);
  const { workflowId } = job;
  return {
    json: { workflowId, signal: name },
    text:
      name === "pause" ? `${workflowId} pauses: it begins nothing new.` : `${workflowId} goes on.`,
  };
}

async function showStatus(context: CommandContext, named: NamedJob): Promise<Outcome> {
  const client = await context.temporal();
  const target = targetOf(named);
  const { status, startTime } = await describeJob(client, target);
  const state = status.name.toLowerCase();
  const { workflowId } = named;
  if (status.name !== "RUNNING") {
    if (named.kind !== "backfill") {
      throw new JobNotRunningError({ workflowId, start: target.startCommand });
    }
    const next = `npm run client -- coverage --from ${named.range?.fromBlock} --to ${named.range?.toBlock}`;
    const end = await readEnd(client, target, state);
    return {
      json: { workflowId, ...end },
      text: describeEnd(workflowId, end) + formatNext({ commands: [next] }),
    };
  }
  const open = { ...named, startedAt: startTime.toISOString(), donePercent: null };
  const job = await readJobStatus(client, open);
  return { json: { state, ...job }, text: formatJob(job, context.workflowLink(workflowId)) };
}
