import { defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";
import { upsertSearchAttributes } from "@temporalio/workflow";

/** The search attributes of every job. The worker registers them before it starts: an unknown one fails a workflow task for ever. */
export const searchAttributeKeys = {
  network: defineSearchAttributeKey("Network", SearchAttributeType.KEYWORD),
  jobKind: defineSearchAttributeKey("JobKind", SearchAttributeType.KEYWORD),
  jobStatus: defineSearchAttributeKey("JobStatus", SearchAttributeType.KEYWORD),
  fromBlock: defineSearchAttributeKey("FromBlock", SearchAttributeType.INT),
  toBlock: defineSearchAttributeKey("ToBlock", SearchAttributeType.INT),
  failedBlocks: defineSearchAttributeKey("FailedBlocks", SearchAttributeType.INT),
  donePercent: defineSearchAttributeKey("DonePercent", SearchAttributeType.DOUBLE),
} as const;

/** halted: only a person can set the job going again, or it has ended over that. */
export const jobStatuses = ["running", "paused", "waiting", "halted", "done"] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** What the list of workflows can be filtered by. null takes an attribute away. */
export type JobAttributes = {
  readonly network: string;
  readonly jobKind: "follow" | "backfill" | "gap-fill";
  readonly jobStatus: JobStatus;
  readonly fromBlock: number | null;
  readonly toBlock: number | null;
  readonly failedBlocks: number;
  readonly donePercent: number | null;
};

/** Each upsert is an event of history: progress is written at every so many points, never at every chunk. */
const percentStep = 5;

/** Keeps a job's search attributes true at a bounded number of events. One a workflow run. */
export class AttributeWriter {
  private written: JobAttributes | undefined;

  /** Writes the attributes where the status changed, failures doubled or halved, or progress moved by a step. */
  write(attributes: JobAttributes): void {
    if (this.written && !isWorthAnEvent(this.written, attributes)) return;
    this.written = attributes;
    upsertSearchAttributes([
      { key: searchAttributeKeys.network, value: attributes.network },
      { key: searchAttributeKeys.jobKind, value: attributes.jobKind },
      { key: searchAttributeKeys.jobStatus, value: attributes.jobStatus },
      { key: searchAttributeKeys.fromBlock, value: attributes.fromBlock },
      { key: searchAttributeKeys.toBlock, value: attributes.toBlock },
      { key: searchAttributeKeys.failedBlocks, value: attributes.failedBlocks },
      { key: searchAttributeKeys.donePercent, value: attributes.donePercent },
    ]);
  }
}

/** Whether the difference is worth an event of history. */
export function isWorthAnEvent(written: JobAttributes, now: JobAttributes): boolean {
  return (
    written.jobStatus !== now.jobStatus ||
    written.fromBlock !== now.fromBlock ||
    isDoubledOrHalved(written.failedBlocks, now.failedBlocks) ||
    Math.abs((written.donePercent ?? 0) - (now.donePercent ?? 0)) >= percentStep
  );
}

function isDoubledOrHalved(before: number, now: number): boolean {
  const [low, high] = [Math.min(before, now), Math.max(before, now)];
  return high > low && high >= low * 2;
}
