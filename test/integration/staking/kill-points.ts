import type { Client } from "@temporalio/client";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeActivities } from "../../../src/workflows/staking/stake-activities.ts";

type ActivityName = keyof StakeActivities;
export type ActivityEvents = { readonly scheduled: number; readonly completed: number };

const patience = { timeoutMs: 60_000, everyMs: 15 };

/** How often an activity stands in a workflow's current history, as scheduled and as completed. */
export async function countActivity(
  client: Client,
  workflowId: string,
  name: ActivityName,
): Promise<ActivityEvents> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const scheduled = new Set<string>();
  let completed = 0;
  for (const event of events ?? []) {
    const attributes = event.activityTaskScheduledEventAttributes;
    if (attributes?.activityType?.name === name) scheduled.add(String(event.eventId));
    const done = event.activityTaskCompletedEventAttributes;
    if (done && scheduled.has(String(done.scheduledEventId))) completed += 1;
  }
  return { scheduled: scheduled.size, completed };
}

/** Waits until an activity was scheduled or completed more often than before. */
export function untilActivity(
  client: Client,
  workflowId: string,
  name: ActivityName,
  wanted: { readonly kind: keyof ActivityEvents; readonly moreThan: number },
): Promise<unknown> {
  return waitUntil(
    async () => (await countActivity(client, workflowId, name))[wanted.kind] > wanted.moreThan,
    { what: `${name} of ${workflowId} to be ${wanted.kind}`, ...patience },
  );
}
