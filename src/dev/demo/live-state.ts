import type { Client } from "@temporalio/client";
import { describeJob, type PendingActivity, readPending } from "../../client/job-status.ts";
import { targetOf } from "../../client/job-target.ts";
import { queryJob } from "../../client/steer-job.ts";
import { glanceTimeoutMs } from "../../client/temporal-call.ts";
import { formatCount, formatRate, formatSeconds } from "../../client/views/format.ts";
import { countDone, withHeartbeat } from "../../client/views/job-view.ts";
import { type BlockRange, countBlocks } from "../../domain/block-range.ts";
import { readSigner } from "../../staking/signer-client.ts";
import type { BackfillProgress } from "../../workflows/backfill-shapes.ts";
import type { FollowProgress } from "../../workflows/follow-shapes.ts";
import type { GapFillProgress } from "../../workflows/gap-fill-shapes.ts";
import { workflowIds } from "../../workflows/messages.ts";
import { chainId } from "../anvil.ts";
import { RateWindow } from "./rate-window.ts";
import type { DemoWorld } from "./world.ts";

/** The three jobs at a glance. */
export type LiveState = {
  readonly backfill: { readonly done: number; readonly total: number; readonly note: string };
  readonly follow: string;
  readonly gaps: string;
  /** null: the demo goes without staking. */
  readonly signer: string | null;
  readonly uiUrl: string;
};

type Demo = {
  readonly client: Client;
  readonly network: string;
  readonly staking: DemoWorld["staking"];
  readonly range: BlockRange;
  readonly uiUrl: string;
};

const lookEveryMs = 500;

/** Looks at the jobs twice a second, through dead workers, until stopped; what does not answer keeps its last word. */
export function watchJobs(demo: Demo, show: (state: LiveState) => void): { stop: () => void } {
  const rates = { rows: new RateWindow(), blocks: new RateWindow() };
  let state: LiveState = {
    backfill: { done: 0, total: countBlocks(demo.range), note: "" },
    follow: "starting",
    gaps: "starting",
    signer: demo.staking && "waiting",
    uiUrl: demo.uiUrl,
  };
  let isLooking = false;
  let isStopped = false;
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    const [backfill, follow, gaps, signer] = await Promise.all([
      lookAtBackfill(demo, rates).catch(() => state.backfill),
      lookAtFollow(demo).catch(() => state.follow),
      lookAtGaps(demo).catch(() => state.gaps),
      lookAtSigner(demo).catch(() => state.signer),
    ]);
    state = { ...state, backfill, follow, gaps, signer };
    isLooking = false;
    if (!isStopped) show(state);
  }
  const timer = setInterval(() => void look(), lookEveryMs);
  return {
    stop: () => {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

type Rates = { readonly rows: RateWindow; readonly blocks: RateWindow };

async function lookAtBackfill(
  { client, network, range }: Demo,
  rates: Rates,
): Promise<LiveState["backfill"]> {
  const workflowId = workflowIds.backfill(network, range);
  const target = targetOf({ workflowId, kind: "backfill", network, range });
  const description = await describeJob(client, target);
  const total = countBlocks(range);
  if (description.status.name === "COMPLETED") return { done: total, total, note: "| done" };
  const pending = readPending(description);
  const progress = await queryJob<BackfillProgress>(client, target, "progress", glanceTimeoutMs);
  const done = countDone(progress, pending);
  const rowsPerSecond = rates.rows.add(progress.rows + rowsInHand(pending));
  const blocksPerSecond = rates.blocks.add(done);
  const left = blocksPerSecond > 0 ? formatSeconds((total - done) / blocksPerSecond) : "?";
  return { done, total, note: `| ${formatRate(rowsPerSecond)} rows/s | ${left} left` };
}

/** What running activities have stored: the workflow counts it when they end. */
function rowsInHand(pending: readonly PendingActivity[]): number {
  return pending.reduce((sum, { heartbeat }) => sum + (heartbeat?.done.rows ?? 0), 0);
}

async function lookAtFollow({ client, network }: Demo): Promise<string> {
  const workflowId = workflowIds.follow(network);
  const target = targetOf({ workflowId, kind: "follow", network, range: null });
  const description = await describeJob(client, target);
  if (description.status.name !== "RUNNING") return "stopped";
  const pending = readPending(description);
  const progress = await queryJob<FollowProgress>(client, target, "progress", glanceTimeoutMs);
  const { head, lag, rows } = withHeartbeat(progress, pending);
  if (head === null || lag === null) return "waiting for a block";
  return `head ${formatCount(head)}, lag ${lag}, ${formatCount(rows)} rows`;
}

async function lookAtGaps({ client, network }: Demo): Promise<string> {
  const workflowId = workflowIds.gapFill(network);
  const target = targetOf({ workflowId, kind: "gap-fill", network, range: null });
  const progress = await queryJob<GapFillProgress>(client, target, "progress", glanceTimeoutMs);
  const { missing, failedWaiting, quarantined, requeued, recovered } = progress;
  return `${missing} missing, ${failedWaiting} failed, ${quarantined} quarantined, ${requeued} requeued, ${recovered} recovered`;
}

async function lookAtSigner({ staking }: Demo): Promise<string | null> {
  if (staking === null) return null;
  const address = staking.world.signer;
  const status = await readSigner(staking.client, { chainId, address });
  const { nextNonce, queued, inFlight, settling, counts, standsStill } = status;
  const waits = standsStill === null ? "" : `, stands still: ${standsStill}`;
  return `next nonce ${nextNonce ?? "?"}, ${queued} queued, ${inFlight} in flight, ${settling} settling, ${counts.succeeded} done, ${counts.bumps} bumped${waits}`;
}
