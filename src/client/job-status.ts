import type { Client, WorkflowExecutionDescription } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { optionalTsToMs } from "@temporalio/common/lib/time.js";
import { NoWorkerError } from "../errors.ts";
import type { BackfillProgress } from "../workflows/backfill-shapes.ts";
import type { FollowProgress } from "../workflows/follow-shapes.ts";
import type { GapFillProgress } from "../workflows/gap-fill-shapes.ts";
import type { IndexBlocksHeartbeat } from "../workflows/index-activities.ts";
import { targetOf } from "./job-target.ts";
import type { OpenJob } from "./open-jobs.ts";
import { queryJob } from "./steer-job.ts";
import { type CallTarget, callTemporal, glanceTimeoutMs } from "./temporal-call.ts";

/** An activity that a job waits for, with what it told last. */
export type PendingActivity = {
  readonly type: string;
  readonly attempt: number;
  /** false: it waits for its next attempt, or for a worker. */
  readonly isStarted: boolean;
  /** Of `indexBlocks` only. */
  readonly heartbeat: IndexBlocksHeartbeat | null;
  readonly lastFailure: string | null;
};

export type Progress = FollowProgress | BackfillProgress | GapFillProgress;

/** All that can be said about a running job. */
export type JobStatus = OpenJob & {
  /** null while no worker answers. */
  readonly progress: Progress | null;
  readonly pending: readonly PendingActivity[];
  /** Why it stands still, in words; null while it moves. */
  readonly waitingFor: string | null;
};

/** Looks at a running job: its own progress where a worker answers, and what its activities say. */
export async function readJobStatus(client: Client, job: OpenJob): Promise<JobStatus> {
  const target = targetOf(job);
  const [pending, progress] = await Promise.all([
    describeJob(client, target).then(readPending),
    queryJob<Progress>(client, target, "progress", glanceTimeoutMs).catch((error: unknown) => {
      if (error instanceof NoWorkerError) return null;
      throw error;
    }),
  ]);
  return { ...job, progress, pending, waitingFor: explainWait(progress, pending) };
}

/** The state of the newest run of a workflow, with the activities it waits for. */
export function describeJob(
  client: Client,
  target: CallTarget,
): Promise<WorkflowExecutionDescription> {
  return callTemporal(client, target, () =>
    client.workflow.getHandle(target.workflowId).describe(),
  );
}

/** What the activities of a job last told: heartbeats and failures. */
export function readPending({ raw }: WorkflowExecutionDescription): PendingActivity[] {
  return (raw.pendingActivities ?? []).map((activity) => ({
    type: activity.activityType?.name ?? "",
    attempt: activity.attempt ?? 1,
    isStarted: Number(activity.state) === started,
    heartbeat: activity.activityType?.name === "indexBlocks" ? readHeartbeat(activity) : null,
    lastFailure: activity.lastFailure?.message ?? null,
  }));
}

type RawActivity = NonNullable<WorkflowExecutionDescription["raw"]["pendingActivities"]>[number];

/** Temporal's PENDING_ACTIVITY_STATE_STARTED. */
const started = 2;

/** What an attempt before this one had in hand, or waited for, says nothing of this one. */
function readHeartbeat(activity: RawActivity): IndexBlocksHeartbeat | null {
  const heartbeat = decodeHeartbeat(activity.heartbeatDetails?.payloads?.[0]);
  const lastBeat = optionalTsToMs(activity.lastHeartbeatTime) ?? 0;
  const start = optionalTsToMs(activity.lastStartedTime) ?? 0;
  // At a start, the server sets both to the same time.
  const isOfBefore = Number(activity.state) === started && lastBeat <= start;
  return heartbeat && isOfBefore ? { ...heartbeat, inHand: null, waitingFor: null } : heartbeat;
}

type Payload = Parameters<typeof defaultPayloadConverter.fromPayload>[0];

function decodeHeartbeat(payload: Payload | null | undefined): IndexBlocksHeartbeat | null {
  if (!payload) return null;
  const heartbeat: IndexBlocksHeartbeat | null = defaultPayloadConverter.fromPayload(payload);
  // A worker of another version may write another shape: no progress is better than a wrong one.
  return heartbeat?.v === 1 ? heartbeat : null;
}

/** The first reason that explains a standstill, nearest to the work first. */
export function explainWait(
  progress: { readonly waitingFor: string | null } | null,
  pending: readonly PendingActivity[],
): string | null {
  const said = pending.find(({ heartbeat }) => heartbeat?.waitingFor)?.heartbeat?.waitingFor;
  if (said) return said;
  const failed = pending.find((one) => one.attempt > 1 && one.lastFailure && !isAtWork(one));
  if (failed)
    return `attempt ${failed.attempt} of ${failed.type}: ${firstLines(failed.lastFailure)}`;
  if (progress === null) return "a worker: none answers";
  return progress.waitingFor;
}

/** Between two failures an attempt may only be asking in vain: it works once it has a block in hand. */
function isAtWork({ isStarted, heartbeat }: PendingActivity): boolean {
  return isStarted && heartbeat !== null && heartbeat.inHand !== null;
}

/** An error's what and facts, on one line and without its fix. */
function firstLines(message: string | null): string {
  const lines = (message ?? "").split("\n").map((line) => line.trim());
  return lines.filter((line) => !line.startsWith("Fix:")).join(" ");
}
