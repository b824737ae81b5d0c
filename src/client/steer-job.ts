import type { Client } from "@temporalio/client";
import { JobNotRunningError } from "../errors.ts";
import { messageNames } from "../workflows/messages.ts";
import { type CallTarget, callTemporal } from "./temporal-call.ts";
import { waitUntil } from "./wait-until.ts";

/** How long `stop` watches a job drain before it says that it still does. */
const drainTimeoutMs = 15_000;

/**
 * Pauses or resumes a job: what is in hand is finished, nothing new is begun. Safe to repeat.
 * @throws {JobNotRunningError}
 */
export async function signalJob(
  client: Client,
  target: CallTarget,
  signal: "pause" | "resume",
): Promise<void> {
  const handle = client.workflow.getHandle(target.workflowId);
  await callTemporal(client, target, () => handle.signal(messageNames[signal]));
}

/**
 * Cancels a job and watches it drain; what it did stays.
 * @returns Whether it has ended; false while it still drains.
 * @throws {JobNotRunningError}
 */
export async function stopJob(client: Client, target: CallTarget): Promise<{ ended: boolean }> {
  const handle = client.workflow.getHandle(target.workflowId);
  const describe = () => callTemporal(client, target, () => handle.describe());
  if ((await describe()).status.name !== "RUNNING") {
    throw new JobNotRunningError({ workflowId: target.workflowId, start: target.startCommand });
  }
  await callTemporal(client, target, () => handle.cancel());
  const ended = await waitUntil(async () => (await describe()).status.name !== "RUNNING", {
    intervalMs: 250,
    timeoutMs: drainTimeoutMs,
  });
  return { ended };
}

/** Asks a job a query. @throws {NoWorkerError} @throws {JobNotRunningError} */
export function queryJob<Answer>(
  client: Client,
  target: CallTarget,
  query: "progress" | "pending",
  timeoutMs?: number,
): Promise<Answer> {
  const handle = client.workflow.getHandle(target.workflowId);
  return callTemporal(client, target, () => handle.query<Answer>(messageNames[query]), timeoutMs);
}

/**
 * Changes a setting of a running job.
 * @throws {NoWorkerError} @throws {JobNotRunningError} @throws {RequestRefusedError}
 */
export async function updateJob(
  client: Client,
  target: CallTarget,
  update: "setHeadPolicy" | "setConcurrency" | "acceptReorg",
  value: object,
): Promise<void> {
  const handle = client.workflow.getHandle(target.workflowId);
  await callTemporal(client, target, async () => {
    // executeUpdate polls the newest run, which does not know an update that an older one took (measured: 10 of 80 failed so).
    const started = await handle.startUpdate<unknown, [object]>(messageNames[update], {
      args: [value],
      waitForStage: "ACCEPTED",
    });
    await started.result();
  });
}
