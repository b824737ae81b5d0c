import type { BackfillProgress } from "../../workflows/backfill-shapes.ts";
import type { FollowProgress } from "../../workflows/follow-shapes.ts";
import type { GapFillProgress } from "../../workflows/gap-fill-shapes.ts";
import { formatBlockRange } from "../block-text.ts";
import type { JobStatus, PendingActivity } from "../job-status.ts";
import type { QueueWorkers } from "../workers.ts";
import {
  formatCount,
  formatFields,
  formatPercent,
  formatRate,
  formatSeconds,
  formatTable,
} from "./format.ts";

type Field = readonly [string, string];

/** A job in a line of `name value` pairs, for its own `status`. */
export function formatJob(job: JobStatus, link: string | null): string {
  return formatFields([
    ["job", job.workflowId],
    ["run since", job.startedAt],
    ...progressFields(job),
    ...(job.waitingFor ? [["waits for", job.waitingFor] as const] : []),
    ...(link ? [["UI", link] as const] : []),
  ]);
}

function progressFields(job: JobStatus): Field[] {
  if (job.progress === null) {
    const range = job.range ? [["range", formatBlockRange(job.range)] as const] : [];
    const done =
      job.donePercent === null ? [] : [["done", formatPercent(job.donePercent)] as const];
    return [...range, ...done];
  }
  const progress = { ...job.progress, waitingFor: job.waitingFor };
  if (isFollow(progress)) return followFields(withHeartbeat(progress, job.pending));
  return isBackfill(progress) ? backfillFields(progress, job.pending) : gapFillFields(progress);
}

function isFollow(progress: NonNullable<JobStatus["progress"]>): progress is FollowProgress {
  return "headPolicy" in progress;
}

function isBackfill(progress: NonNullable<JobStatus["progress"]>): progress is BackfillProgress {
  return "totalBlocks" in progress;
}

function followFields(progress: FollowProgress): Field[] {
  return [
    ["state", stateOf(progress)],
    ["head policy", progress.headPolicy ?? "the network's"],
    ["next block", countOrUnknown(progress.nextBlock)],
    ["head", countOrUnknown(progress.head)],
    ["lag", countOrUnknown(progress.lag)],
    ["indexed", `${formatCount(progress.blocks)} blocks, ${formatCount(progress.rows)} rows`],
    ["failed", formatCount(progress.failed)],
    ["reorgs", formatCount(progress.reorgs)],
    ...lastError(progress),
  ];
}

function backfillFields(progress: BackfillProgress, pending: readonly PendingActivity[]): Field[] {
  const done = countDone(progress, pending);
  return [
    ["state", stateOf(progress)],
    ["range", formatBlockRange(progress)],
    [
      "done",
      `${formatCount(done)} of ${formatCount(progress.totalBlocks)} blocks (${formatPercent((100 * done) / progress.totalBlocks)})`,
    ],
    ["rate", rateOf(progress)],
    ["time left", progress.etaSeconds === null ? "unknown" : formatSeconds(progress.etaSeconds)],
    ["in flight", progress.inFlight.map(formatBlockRange).join(", ") || "nothing"],
    ["concurrency", String(progress.concurrency)],
    ["rows", formatCount(progress.rows)],
    ["failed", formatCount(progress.failed)],
    ...lastError(progress),
  ];
}

function gapFillFields(progress: GapFillProgress): Field[] {
  return [
    ["state", stateOf(progress)],
    ["missing", formatCount(progress.missing)],
    ["failed, waiting", formatCount(progress.failedWaiting)],
    ["quarantined", formatCount(progress.quarantined)],
    ["requeued", formatCount(progress.requeued)],
    ["in flight", progress.inFlight.map(formatBlockRange).join(", ") || "nothing"],
    ["recovered", formatCount(progress.recovered)],
    ["failed", formatCount(progress.failed)],
    ["next due", progress.nextDueAt ?? "nothing waits"],
    ...lastError(progress),
    ...(progress.lastRefusal ? [["last refusal", progress.lastRefusal] as const] : []),
  ];
}

function lastError({ lastError: error }: { lastError: string | null }): Field[] {
  return error ? [["last error", error.split("\n")[0] ?? error]] : [];
}

function stateOf(job: { paused: boolean; waitingFor: string | null; halted?: boolean }): string {
  if (job.paused) return "paused";
  if (job.halted) return "halted";
  return job.waitingFor ? "waiting" : "running";
}

function rateOf(progress: BackfillProgress): string {
  return `${blocksRateOf(progress)}, ${formatRate(progress.rowsPerSecond)} rows/s`;
}

function blocksRateOf({ blocksPerSecond }: BackfillProgress): string {
  return `${formatRate(blocksPerSecond)} blocks/s`;
}

function countOrUnknown(count: number | null): string {
  return count === null ? "unknown" : formatCount(count);
}

/** Blocks done: those of finished chunks, and what the heartbeats of running ones tell. */
export function countDone(
  progress: { readonly doneBlocks: number; readonly totalBlocks: number },
  pending: readonly PendingActivity[],
): number {
  const inHand = pending.reduce((sum, { heartbeat }) => sum + (heartbeat?.done.blocks ?? 0), 0);
  return Math.min(progress.doneBlocks + inHand, progress.totalBlocks);
}

/** A follow with what its call in flight told last: the workflow itself hears of it up to 30 s later. */
export function withHeartbeat(
  progress: FollowProgress,
  pending: readonly PendingActivity[],
): FollowProgress {
  const heartbeat = pending.find((activity) => activity.heartbeat !== null)?.heartbeat;
  if (!heartbeat) return progress;
  const { nextBlock, done } = heartbeat;
  const head = done.head ?? progress.head;
  return {
    ...progress,
    nextBlock,
    head,
    lag: head === null ? null : Math.max(0, head + 1 - nextBlock),
    blocks: progress.blocks + done.blocks,
    rows: progress.rows + done.rows,
    failed: progress.failed + done.failedCount,
    reorgs: progress.reorgs + done.reorgs.length,
  };
}

/** What follows the progress bar of a backfill. */
export function formatBackfillNote(
  progress: BackfillProgress | null,
  waitingFor: string | null,
): string {
  if (waitingFor) return `| waits for ${waitingFor}`;
  if (progress === null) return "";
  const left = progress.etaSeconds === null ? "?" : formatSeconds(progress.etaSeconds);
  const failed = progress.failed > 0 ? ` | ${formatCount(progress.failed)} failed` : "";
  return `| ${rateOf(progress)} | ${left} left${failed}${progress.paused ? " | paused" : ""}`;
}

/** Every job in a line, and who works. */
export function formatStatus(jobs: readonly JobStatus[], workers: readonly QueueWorkers[]): string {
  if (jobs.length === 0) {
    return `No job runs. Start one: npm run client -- follow start\n\n${formatWorkers(workers)}`;
  }
  const waits = jobs.flatMap(({ workflowId, waitingFor }) =>
    waitingFor ? [`${workflowId} waits for ${waitingFor}`] : [],
  );
  const columns = ["job", "state", "done", "rate", "time left", "lag", "failed"];
  const lines = [formatTable(columns, jobs.map(toLine)), ...waits, "", formatWorkers(workers)];
  return lines.join("\n");
}

function toLine(job: JobStatus): string[] {
  const { progress } = job;
  if (progress === null) {
    const done = job.donePercent === null ? "" : formatPercent(job.donePercent);
    return [job.workflowId, "waiting", done, "", "", "", ""];
  }
  const state = stateOf({ ...progress, waitingFor: job.waitingFor });
  const failed = formatCount(progress.failed);
  if (isBackfill(progress)) {
    const done = (100 * countDone(progress, job.pending)) / progress.totalBlocks;
    const left = progress.etaSeconds === null ? "?" : formatSeconds(progress.etaSeconds);
    return [job.workflowId, state, formatPercent(done), blocksRateOf(progress), left, "", failed];
  }
  if (isFollow(progress)) {
    const { nextBlock, lag, failed: failedSoFar } = withHeartbeat(progress, job.pending);
    const done = nextBlock === null ? "" : `to ${formatCount(nextBlock - 1)}`;
    return [job.workflowId, state, done, "", "", countOrUnknown(lag), formatCount(failedSoFar)];
  }
  const { missing, failedWaiting, quarantined } = progress;
  const count = missing + failedWaiting + quarantined;
  const gaps = count === 1 ? "1 gap" : `${formatCount(count)} gaps`;
  return [job.workflowId, state, gaps, "", "", "", failed];
}

export function formatWorkers(queues: readonly QueueWorkers[]): string {
  const alive = new Set(queues.flatMap(({ workers }) => workers));
  if (alive.size === 0) return "No worker is alive. Start one: npm run worker";
  return formatTable(
    ["task queue", "work", "workers", "last seen"],
    queues.map(({ taskQueue, work, workers, lastSeenSeconds }) => [
      taskQueue,
      work,
      String(workers.length),
      lastSeenSeconds === null ? "never" : `${formatSeconds(lastSeenSeconds)} ago`,
    ]),
  );
}
