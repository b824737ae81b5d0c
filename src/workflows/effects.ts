import { proxyActivities, workflowInfo } from "@temporalio/workflow";
import type { BlockRange } from "../domain/block-range.ts";
import { formatRange } from "./details.ts";
import type { IndexActivities, IndexBlocksInput, IndexBlocksResult } from "./index-activities.ts";
import { priorityKeys, taskQueues } from "./messages.ts";

/** Errors that trying again cannot mend: somebody has to change something first. Names of classes in src/errors.ts. */
const nonRetryableErrorTypes = [
  "ConfigError",
  "UnknownNetworkError",
  "UnknownProcessorError",
  "WrongChainError",
  "NetworkBindingError",
  "DebugNamespaceMissingError",
  "StepsTracingMissingError",
  "SchemaMismatchError",
  "RangeBeyondHeadError",
  "ReorgBeyondFinalityError",
];

/** A node, ClickHouse or disk that is away delays the work and never fails it; 10 s is how late its return may be seen. */
const forEver = {
  initialInterval: "1 second",
  backoffCoefficient: 2,
  maximumInterval: "10 seconds",
  nonRetryableErrorTypes,
} as const;

/**
 * The block job. Its heartbeat tells within 10 s that a worker died, so that startToClose only has to outlast
 * the longest chunk (25 s are planned; one block of 2 GB of trace takes minutes, a slow node hours).
 */
const blockJob = proxyActivities<Pick<IndexActivities, "indexBlocks">>({
  startToCloseTimeout: "12 hours",
  heartbeatTimeout: "10 seconds",
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
  retry: forEver,
});

/** Short questions and notes: one query to the node, to ClickHouse or to Temporal. Repeatable for ever. */
export const { planChunk, registerRange, findFollowStart, ensureGapFill } = proxyActivities<
  Pick<IndexActivities, "planChunk" | "registerRange" | "findFollowStart" | "ensureGapFill">
>({
  // eth_feeHistory over 1,024 blocks and inserts of a row answer in well under a second; 30 s allow for a busy server.
  startToCloseTimeout: "30 seconds",
  retry: forEver,
});

/** Scans of the ledger: they read millions of rows. Their heartbeat tells within 10 s that a worker died. */
export const { findGaps, releaseBlocks } = proxyActivities<
  Pick<IndexActivities, "findGaps" | "releaseBlocks">
>({
  startToCloseTimeout: "5 minutes",
  heartbeatTimeout: "10 seconds",
  retry: forEver,
});

/** A receiver that is away is tried for some minutes, beside the work, and then left. */
export const { announceRecovery } = proxyActivities<Pick<IndexActivities, "announceRecovery">>({
  startToCloseTimeout: "30 seconds",
  retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumAttempts: 8 },
});

/** Indexes blocks on the head's own queue and slots: a backfill never stands before it. */
export function indexHead(input: IndexBlocksInput): Promise<IndexBlocksResult> {
  return blockJob.indexBlocks.executeWithOptions(
    {
      taskQueue: taskQueues.head(input.network),
      priority: { priorityKey: priorityKeys.head },
      summary: `blocks from ${formatRange({ fromBlock: input.fromBlock, toBlock: input.fromBlock })}`,
    },
    [input],
  );
}

/**
 * Indexes a closed range on the network's bulk queue, in the order of the priority.
 * @param priority - absent: the one that the workflow was started with, else a backfill's.
 */
export function indexBulk(
  input: IndexBlocksInput & BlockRange,
  priority?: "requeue" | "gapFill",
): Promise<IndexBlocksResult> {
  return blockJob.indexBlocks.executeWithOptions(
    {
      taskQueue: taskQueues.bulk(input.network),
      priority: {
        priorityKey: priority
          ? priorityKeys[priority]
          : workflowInfo().priority?.priorityKey || priorityKeys.backfill,
      },
      summary: `blocks ${formatRange(input)}`,
    },
    [input],
  );
}
