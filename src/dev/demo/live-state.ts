import type { Client } from "@temporalio/client";
import { describeJob, explainWait, readPending } from "../../client/job-status.ts";
import { targetOf } from "../../client/job-target.ts";
import { queryJob } from "../../client/steer-job.ts";
import { glanceTimeoutMs } from "../../client/temporal-call.ts";
import { formatCount } from "../../client/views/format.ts";
import { countDone, formatBackfillNote } from "../../client/views/job-view.ts";
import type { BlockRange } from "../../domain/block-range.ts";
import {
  type BackfillProgress,
  type FollowProgress,
  type GapFillProgress,
  workflowIds,
} from "../../workflows/messages.ts";

/** The three jobs at a glance. */
export type LiveState = {
  readonly backfill: { readonly done: number; readonly total: number; readonly note: string };
  readonly follow: string;
  readonly gaps: string;
  readonly uiUrl: string;
};

type Demo = {
  readonly client: Client;
  readonly network: string;
  readonly range: BlockRange;
  readonly uiUrl: string;
};

const lookEveryMs = 500;

/** Looks at the jobs twice a second, through dead workers, until stopped; what does not answer keeps its last word. */
export function watchJobs(demo: Demo, show: (state: LiveState) => void): { stop: () => void } {
  let state: LiveState = {
    backfill: { done: 0, total: demo.range.toBlock - demo.range.fromBlock + 1, note: "" },
    follow: "starting",
    gaps: "starting",
    uiUrl: demo.uiUrl,
  };
  let isLooking = false;
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    const [backfill, follow, gaps] = await Promise.all([
      lookAtBackfill(demo).catch(() => state.backfill),
      lookAtFollow(demo).catch(() => state.follow),
      lookAtGaps(demo).catch(() => state.gaps),
    ]);
    state = { ...state, backfill, follow, gaps };
    isLooking = false;
    show(state);
  }
  const timer = setInterval(() => void look(), lookEveryMs);
  return { stop: () => clearInterval(timer) };
}

async function lookAtBackfill({ client, network, range }: Demo): Promise<LiveState["backfill"]> {
  const workflowId = workflowIds.backfill(network, range);
  const target = targetOf({ workflowId, kind: "backfill", network, range });
  const description = await describeJob(client, target);
  const total = range.toBlock - range.fromBlock + 1;
  if (description.status.name === "COMPLETED") return { done: total, total, note: "| done" };
  const pending = readPending(description);
  const progress = await queryJob<BackfillProgress>(client, target, "progress", glanceTimeoutMs);
  return {
    done: countDone(progress, pending),
    total,
    note: formatBackfillNote(progress, explainWait(progress, pending)),
  };
}

async function lookAtFollow({ client, network }: Demo): Promise<string> {
  const target = targetOf({
    workflowId: workflowIds.follow(network),
    kind: "follow",
    network,
    range: null,
  });
  const { head, lag, rows } = await queryJob<FollowProgress>(
    client,
    target,
    "progress",
    glanceTimeoutMs,
  );
  return `head ${head === null ? "?" : formatCount(head)}, lag ${lag ?? "?"} blocks, ${formatCount(rows)} rows`;
}

async function lookAtGaps({ client, network }: Demo): Promise<string> {
  const target = targetOf({
    workflowId: workflowIds.gapFill(network),
    kind: "gap-fill",
    network,
    range: null,
  });
  const progress = await queryJob<GapFillProgress>(client, target, "progress", glanceTimeoutMs);
  const { missing, failedWaiting, quarantined, requeued, recovered } = progress;
  return `${missing} missing, ${failedWaiting} failed, ${quarantined} quarantined, ${requeued} requeued, ${recovered} recovered`;
}
