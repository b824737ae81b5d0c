import { type Client, ServiceError, WorkflowFailedError } from "@temporalio/client";
import { AppError, TemporalUnavailableError } from "../errors.ts";
import type { BackfillProgress, BackfillResult } from "../workflows/backfill-shapes.ts";
import { describeJob, explainWait, type PendingActivity, readPending } from "./job-status.ts";
import { queryJob } from "./steer-job.ts";
import { type CallTarget, callTemporal, glanceTimeoutMs } from "./temporal-call.ts";
import { waitUntil } from "./wait-until.ts";

/** Between two looks at a backfill: a bar that moves, and few calls. */
const lookIntervalMs = 500;

export type BackfillLook = {
  readonly progress: BackfillProgress | null;
  readonly pending: readonly PendingActivity[];
  readonly waitingFor: string | null;
};

/** How a backfill ended. */
export type BackfillEnd = {
  /** Temporal's word: completed, cancelled, failed, terminated, timed_out. */
  readonly state: string;
  /** null unless it completed. */
  readonly result: BackfillResult | null;
  /** null unless it failed. */
  readonly reason: string | null;
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
  return readEnd(client, target, state);
}

/** What a backfill that has ended left behind. @param state - Temporal's word for how it ended. */
export async function readEnd(
  client: Client,
  target: CallTarget,
  state: string,
): Promise<BackfillEnd> {
  if (state !== "completed" && state !== "failed") return { state, result: null, reason: null };
  const handle = client.workflow.getHandle<() => Promise<BackfillResult>>(target.workflowId);
  try {
    const result = await callTemporal(client, target, () => handle.result());
    return { state, result, reason: null };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { state, result: null, reason: error.cause?.message ?? error.message };
  }
}

/** null where the job cannot be asked just now; right after a worker died, Temporal refuses queries in several ways. */
async function readProgress(client: Client, target: CallTarget): Promise<BackfillProgress | null> {
  try {
    return await queryJob<BackfillProgress>(client, target, "progress", glanceTimeoutMs);
  } catch (error) {
    const isAnswer = error instanceof ServiceError || error instanceof AppError;
    if (isAnswer && !(error instanceof TemporalUnavailableError)) return null;
    throw error;
  }
}
