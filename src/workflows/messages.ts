import type { BlockRange } from "../domain/block-range.ts";
import type { Hex } from "../domain/chain.ts";

// Names of everything that crosses the border of a workflow, and the bodies of its messages. No Node imports: the sandbox
// loads it. Definitions (defineSignal, ...) stand in message-definitions.ts; the client uses the names below. What goes in
// and comes out stands in follow-shapes.ts, backfill-shapes.ts, gap-fill-shapes.ts and index-activities.ts.

export const messageNames = {
  pause: "pause",
  resume: "resume",
  setHeadPolicy: "setHeadPolicy",
  acceptReorg: "acceptReorg",
  setConcurrency: "setConcurrency",
  requeueBlocks: "requeueBlocks",
  releaseBlocks: "releaseBlocks",
  progress: "progress",
  pending: "pending",
} as const;

export const workflowIds = {
  follow: (network: string) => `follow/${network}`,
  backfill: (network: string, range: BlockRange) =>
    `backfill/${network}/${range.fromBlock}-${range.toBlock}`,
  gapFill: (network: string) => `gap-fill/${network}`,
} as const;

export const taskQueues = {
  workflows: "blockloom",
  head: (network: string) => `${network}-head`,
  bulk: (network: string) => `${network}-bulk`,
} as const;

/** Priority keys (1 is first): head, requeue, gap fill, backfill, history. */
export const priorityKeys = { head: 1, requeue: 2, gapFill: 3, backfill: 4, history: 5 } as const;

/** At most so many blocks in one requeue or release. */
export const maximumBlocksPerRequest = 1000;

/** At most so many ranges in a workflow's state. */
export const maximumRanges = 5000;

/** The node's chain is right from this block on, though rows that were final say otherwise. */
export type AcceptedReorg = {
  readonly fromBlock: number;
  /** What the node must have there for the word to count: nobody accepts a branch unseen. */
  readonly blockHash: Hex;
};

/**
 * The body of the update `acceptReorg`: the node's chain is right from `fromBlock` on, where it has `blockHash`, though
 * rows that were final say otherwise.
 */
export type AcceptReorgRequest = AcceptedReorg & { readonly actor: string };

/**
 * The body of `requeueBlocks`, signal and update alike, as a person types it in the UI or the `temporal` CLI:
 * `{"blocks":[17000000,"17000005-17000010"],"reason":"looks short"}`.
 */
export type RequeueRequest = {
  readonly blocks: readonly (number | string)[];
  /** Default: every processor of the network. Aliases of the reference are accepted. */
  readonly processor?: string;
  readonly reason?: string;
  readonly actor?: string;
};

export type RequeueAnswer = {
  readonly queued: number;
  readonly alreadyQueued: number;
  /** Which of them waited already, as numbers and ranges; absent where none did. */
  readonly alreadyQueuedBlocks?: readonly string[];
  readonly refused: readonly { readonly blocks: string; readonly why: string }[];
  readonly paused: boolean;
};

/** The body of `releaseBlocks`: numbers and ranges, or all of one error kind. */
export type ReleaseRequest = {
  readonly blocks?: readonly (number | string)[];
  readonly kind?: string;
  readonly reason?: string;
  readonly actor?: string;
};
