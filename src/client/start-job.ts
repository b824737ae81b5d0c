import { type Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import {
  defaultPayloadConverter,
  type Priority,
  type TypedSearchAttributes,
} from "@temporalio/common";
import { JobInputDiffersError, NoWorkerError } from "../errors.ts";
import { taskQueues } from "../workflows/messages.ts";
import { queryJob } from "./steer-job.ts";
import { callTemporal } from "./temporal-call.ts";

/** A workflow to run under an id that only one can hold. */
export type JobToStart = {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly startCommand: string;
  readonly input: object;
  readonly priority: Priority;
  readonly summary: string;
  readonly details: string;
  readonly attributes: TypedSearchAttributes;
};

/** `started` is false where the job ran already. */
export type StartedJob = { readonly workflowId: string; readonly started: boolean };

/** The options that every way of starting a job shares. */
export function startOptions(job: JobToStart) {
  return {
    workflowId: job.workflowId,
    taskQueue: taskQueues.workflows,
    args: [job.input],
    priority: job.priority,
    staticSummary: job.summary,
    staticDetails: job.details,
    typedSearchAttributes: job.attributes,
  };
}

/**
 * Starts a job unless it runs. Idempotent: the workflow id elects the one that runs.
 * @param wanted - Settings that the running one must have; what nobody asked for is not compared.
 * @throws {JobInputDiffersError} when the running one has others.
 */
export async function startJob(
  client: Client,
  job: JobToStart,
  wanted: Readonly<Record<string, unknown>>,
): Promise<StartedJob> {
  const { workflowId } = job;
  try {
    await callTemporal(client, job, () =>
      client.workflow.start(job.workflowType, startOptions(job)),
    );
    return { workflowId, started: true };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const started = await readRunningInput(client, job);
  const running = {
    ...started,
    ...pickKnown(await readLiveSettings(client, job, wanted), started),
  };
  const differences = compareSettings(running, wanted);
  if (differences.length > 0) throw new JobInputDiffersError({ workflowId, differences });
  return { workflowId, started: false };
}

/**
 * The settings a running workflow has, from the first event of its current run: continue-as-new carries those that
 * an update changed in `state`.
 */
async function readRunningInput(
  client: Client,
  job: JobToStart,
): Promise<Readonly<Record<string, unknown>>> {
  const { history } = await callTemporal(client, job, () =>
    client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: job.workflowId },
      maximumPageSize: 1,
    }),
  );
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const payload = started?.input?.payloads?.[0];
  if (!payload) return {};
  const input: Record<string, unknown> = defaultPayloadConverter.fromPayload(payload);
  const { state, ...settings } = input;
  return typeof state === "object" ? { ...settings, ...pickKnown(state, settings) } : settings;
}

/** Settings that an update may have changed since; none while no worker answers. */
async function readLiveSettings(
  client: Client,
  job: JobToStart,
  wanted: Readonly<Record<string, unknown>>,
): Promise<object> {
  if (!("headPolicy" in wanted) && !("concurrency" in wanted)) return {};
  try {
    return await queryJob<object>(client, job, "progress");
  } catch (error) {
    if (error instanceof NoWorkerError) return {};
    throw error;
  }
}

function pickKnown(state: object | null, settings: object): object {
  return Object.fromEntries(Object.entries(state ?? {}).filter(([key]) => key in settings));
}

/** One line for each wanted setting that the running job does not have. */
export function compareSettings(
  running: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const [now, then] = [JSON.stringify(running[name] ?? null), JSON.stringify(value ?? null)];
    return now === then ? [] : [`${name}: running ${now}, wanted ${then}`];
  });
}
