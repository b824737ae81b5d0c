import type { WorkflowHandle } from "@temporalio/client";

/** What a job's last run left in Temporal. */
export type JobHistory = {
  readonly events: number;
  readonly eventsByType: Readonly<Record<string, number>>;
  /** Seconds of each `indexBlocks`, from its start to its end, in the order of the ends. */
  readonly chunkSeconds: readonly number[];
  readonly tracingSeconds: number;
};

export async function readJobHistory(
  handle: Pick<WorkflowHandle, "fetchHistory">,
): Promise<JobHistory> {
  const { events: found } = await handle.fetchHistory();
  const events = found ?? [];
  const eventsByType: Record<string, number> = {};
  const chunkSeconds: number[] = [];
  const eventOf = (id: unknown) => events[Number(id) - 1];
  for (const event of events) {
    const type = typeOf(event);
    eventsByType[type] = (eventsByType[type] ?? 0) + 1;
    const completed = event.activityTaskCompletedEventAttributes;
    const { activityType } =
      eventOf(completed?.scheduledEventId)?.activityTaskScheduledEventAttributes ?? {};
    if (activityType?.name !== "indexBlocks") continue;
    chunkSeconds.push(secondsOf(event) - secondsOf(eventOf(completed?.startedEventId)));
  }
  return {
    events: events.length,
    eventsByType,
    chunkSeconds,
    tracingSeconds: chunkSeconds.reduce((sum, seconds) => sum + seconds, 0),
  };
}

type Event = NonNullable<Awaited<ReturnType<WorkflowHandle["fetchHistory"]>>["events"]>[number];

/** `workflowTaskStarted`, as the name of what the event holds says. */
function typeOf(event: Event): string {
  const key = Object.entries(event).find(
    ([name, value]) => name.endsWith("EventAttributes") && value != null,
  );
  return key?.[0].replace("EventAttributes", "") ?? "unknown";
}

function secondsOf(event: Event | undefined): number {
  const { seconds, nanos } = event?.eventTime ?? {};
  return Number(seconds ?? 0) + (nanos ?? 0) / 1e9;
}
