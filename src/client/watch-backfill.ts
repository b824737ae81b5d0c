import type { Client } from "@temporalio/client";
import { NoWorkerError, TemporalUnavailableError } from "../errors.ts";
import type { BackfillProgress, BackfillResult } from "../workflows/messages.ts";
import { describeJob, explainWait, type PendingActivity, readPending } from "./job-status.ts";
import { queryJob } from "./steer-job.ts";
import { type CallTarget, glanceTimeoutMs } from "./temporal-call.ts";
import { waitUntil } from "./wait-until.ts";

/** Between two looks at a backfill: a bar that moves, and few calls. */
const lookIntervalMs = 500;

export type BackfillLook = {
  readonly progress: BackfillProgress | null;
  readonly pending: readonly PendingActivity[];
  readonly waitingFor: string | null;
};

/** How a backfill ended; `result` is null unless it completed. */
export type BackfillEnd = {
  /** Temporal's word: completed, cancelled, failed, terminated, timed_out. */
  readonly state: string;
  readonly result: BackfillResult | null;
};

/** Waits until a backfill has ended, through outages of Temporal and of workers; `show` gets every look. */
export async function watchBackfill(
  client: Client,
  target: CallTarget,
  show: (look: BackfillLook) => void,
): Promise<BackfillEnd> {
  let state = "";
  await waitUntil(
    async () => {
      try {
        const description = await describeJob(client, target);
        state = description.status.name.toLowerCase();
        if (state !== "running") return true;
        const pending = readPending(description);
        const progress = await readProgress(client, target);
        show({ progress, pending, waitingFor: explainWait(progress, pending) });
      } catch (error) {
        if (!(error instanceof TemporalUnavailableError)) throw error;
        show({ progress: null, pending: [], waitingFor: "Temporal: it does not answer" });
      }
      return false;
    },
    { intervalMs: lookIntervalMs },
  );
  const completed = state === "completed";
  return {
    state,
    result: completed ? await client.workflow.getHandle(target.workflowId).result() : null,
  };
}

async function readProgress(client: Client, target: CallTarget): Promise<BackfillProgress | null> {
  try {
    return await queryJob<BackfillProgress>(client, target, "progress", glanceTimeoutMs);
  } catch (error) {
    if (error instanceof NoWorkerError) return null;
    throw error;
  }
}
