import type { BlockRange } from "../domain/block-range.ts";
import type { HeadPolicy, Hex } from "../domain/chain.ts";
import type { JobBudget, NodeReport, TraceBudget } from "../domain/node-budget.ts";
import type { Processor } from "../domain/processor.ts";

// Names and JSON shapes of everything that crosses the border of a workflow. No Node imports: the sandbox loads it.
// Definitions (defineSignal, ...) stand in message-definitions.ts; the client uses the names below.

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

export type FollowInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  /** null: the policy of the network's configuration. */
  readonly headPolicy: HeadPolicy | null;
  /** null: go on after the highest indexed block, or at the head where there is none. */
  readonly startBlock: number | null;
  /** Set by continue-as-new only. */
  readonly state?: FollowState;
};
export type FollowState = {
  /** Where the expected range of this follow begins; null before it is known. */
  readonly firstBlock: number | null;
  readonly nextBlock: number | null;
  readonly head: number | null;
  readonly paused: boolean;
  readonly blocks: number;
  readonly rows: number;
  readonly failed: number;
  readonly reorgs: number;
  readonly startedAt: string;
  readonly lastError: string | null;
  /** A person's word that the next call acts on, and who gave it. */
  readonly accepted?: AcceptReorgRequest | null;
  /** What was decided of nodes that refused; absent: none did. */
  readonly budget?: JobBudget;
};

/**
 * The body of the update `acceptReorg`: the node's chain is right from `fromBlock` on, where it has `blockHash`, though
 * rows that were final say otherwise.
 */
export type AcceptReorgRequest = AcceptedReorg & { readonly actor: string };

export type BackfillInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly order: "oldest-first" | "newest-first";
  /** Chunks in flight. */
  readonly concurrency: number;
  /** Trace again what is complete already. */
  readonly force: boolean;
  /** Wanted duration of a chunk. */
  readonly chunkSeconds: number;
  readonly reason: string;
  readonly actor: string;
  readonly state?: BackfillState;
};
export type BackfillState = {
  /** Blocks not handed out yet. */
  readonly left: readonly BlockRange[];
  readonly paused: boolean;
  readonly concurrency: number;
  /** Gas that one chunk should hold, learnt from finished chunks; null before the first. */
  readonly gasPerChunk: number | null;
  readonly blocks: number;
  readonly transactions: number;
  readonly rows: number;
  readonly failed: number;
  readonly startedAt: string;
  readonly lastError: string | null;
  /** What was decided of nodes that refused; absent: none did. */
  readonly budget?: JobBudget;
};
export type BackfillResult = {
  readonly blocks: number;
  readonly transactions: number;
  readonly rows: number;
  readonly failed: number;
};

export type GapFillInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly scanIntervalMs: number;
  /** Blocks handed to one indexBlocks at most. */
  readonly batchBlocks: number;
  readonly state?: GapFillState;
};
export type GapFillState = {
  readonly paused: boolean;
  readonly requeued: readonly RequeuedRange[];
  readonly released: readonly ReleaseRequest[];
  readonly recovered: number;
  /** Blocks whose requeue had its attempt. */
  readonly requeuedDone: number;
  readonly failed: number;
  readonly lastRefusal: string;
  readonly startedAt: string;
  readonly lastError: string | null;
  /** What was decided of nodes that refused; absent: none did. */
  readonly budget?: JobBudget;
};
/** Blocks of one request that wait for their turn or are in hand. */
export type RequeuedRange = BlockRange & {
  readonly processors: readonly Processor[];
  readonly reason: string;
  readonly actor: string;
};

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

/** Why an index workflow stands still, in words; null while it moves. */
type Waiting = {
  readonly waitingFor: string | null;
  /** True while only a person can set it going again. */
  readonly halted?: boolean;
  /** What was decided of nodes that refused, since one of them did; absent: none did. */
  readonly nodes?: readonly NodeProgress[];
};

/** What an index workflow lets its calls have of one node. */
export type NodeProgress = {
  readonly node: string;
  /** Traces at once, on all workers together; null: the workers decide. */
  readonly traces: number | null;
  /** Times that it said to be asked too often. */
  readonly refusals: number;
  /** Until when it asks to be left alone; null: it does not. */
  readonly restsUntil: string | null;
};

export type FollowProgress = Waiting & {
  readonly network: string;
  readonly headPolicy: HeadPolicy | null;
  readonly nextBlock: number | null;
  readonly head: number | null;
  readonly lag: number | null;
  readonly paused: boolean;
  readonly blocks: number;
  readonly rows: number;
  readonly failed: number;
  readonly reorgs: number;
  readonly lastError: string | null;
};
export type BackfillProgress = Waiting & {
  readonly network: string;
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly totalBlocks: number;
  readonly doneBlocks: number;
  readonly donePercent: number;
  readonly blocksPerSecond: number;
  readonly rowsPerSecond: number;
  /** null while unknown. */
  readonly etaSeconds: number | null;
  readonly inFlight: readonly BlockRange[];
  readonly transactions: number;
  readonly rows: number;
  readonly failed: number;
  readonly concurrency: number;
  readonly paused: boolean;
  readonly lastError: string | null;
};
export type GapFillProgress = Waiting & {
  readonly network: string;
  readonly missing: number;
  readonly failedWaiting: number;
  readonly quarantined: number;
  readonly requeued: number;
  readonly inFlight: readonly BlockRange[];
  readonly recovered: number;
  readonly requeuedDone: number;
  readonly failed: number;
  readonly nextDueAt: string | null;
  readonly paused: boolean;
  readonly lastError: string | null;
  readonly lastRefusal: string;
};

/** Input of the `indexBlocks` activity: the block job (design, section 4). */
export type IndexBlocksInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly fromBlock: number;
  /** Last block; null: no end, then it returns after `maximumSeconds` or `maximumBlocks`, and waits up to 30 s for a head. */
  readonly toBlock: number | null;
  readonly maximumBlocks: number | null;
  readonly headPolicy: HeadPolicy | null;
  /** Trace again what is complete already; a success raises the generation, a failure leaves the complete row. */
  readonly force: boolean;
  /** End a closed range before its first block above the head, which a person may have named, and say the head. */
  readonly stopAtHead?: boolean;
  readonly reason: string;
  readonly actor: string;
  /** A person's word that a reorg beneath finality is right. */
  readonly acceptedReorg?: AcceptedReorg;
  /**
   * What the workflow decided of nodes that refused, whichever worker they refused. Where it is there, even empty, the
   * call comes back early when every node asks to be left alone, and the workflow waits.
   */
  readonly traceBudgets?: readonly TraceBudget[];
};
/** The node's chain is right from this block on, though rows that were final say otherwise. */
export type AcceptedReorg = {
  readonly fromBlock: number;
  /** What the node must have there for the word to count: nobody accepts a branch unseen. */
  readonly blockHash: Hex;
};
export type IndexBlocksResult = {
  /** The first block not done: `toBlock + 1` when all are. */
  readonly nextBlock: number;
  /** The chain's head when last asked; null if it was not asked. */
  readonly head: number | null;
  /** Blocks that had their attempt, skipped ones (complete already) included. */
  readonly blocks: number;
  readonly skipped: number;
  readonly transactions: number;
  readonly rows: number;
  /** Failed blocks; the list holds the first 100. */
  readonly failedCount: number;
  readonly failed: readonly {
    readonly blockNumber: number;
    readonly kind: string;
    readonly reason: string;
  }[];
  readonly gasUsed: number;
  readonly seconds: number;
  readonly reorgs: readonly { readonly depth: number; readonly ancestor: number }[];
  /** What was heard of the nodes, at most 16; absent: none refused, and none was budgeted. */
  readonly nodes?: readonly NodeReport[];
  /** Milliseconds for which every node asks to be left alone: the call came back early for it. Absent: it did not. */
  readonly restMs?: number;
};

/** What indexBlocks heartbeats: where a next attempt starts, and what it had in hand. */
export type IndexBlocksHeartbeat = {
  readonly v: 1;
  readonly nextBlock: number;
  /** Result counts so far. */
  readonly done: Omit<IndexBlocksResult, "nextBlock">;
  /** The block being traced and how many attempts were lost with it; null between blocks. */
  readonly inHand: { readonly blockNumber: number; readonly lostAttempts: number } | null;
  /** Words for the details when the activity waits for something; null while it works. */
  readonly waitingFor: string | null;
  /** What was heard of the nodes, so that an attempt on another worker heeds it; absent: nothing. */
  readonly nodes?: readonly NodeReport[];
};

export type PlanChunkInput = {
  readonly network: string;
  /** What is left of the range at the end where work goes on. */
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly order: "oldest-first" | "newest-first";
  /** null: unknown yet, plan a small chunk. */
  readonly gasPerChunk: number | null;
};
export type PlannedChunk = BlockRange & {
  readonly gasUsed: number | null;
  /** Chunks that go on from this one, planned by the same look at the chain: each saves a plan of its own. */
  readonly following?: readonly (BlockRange & { readonly gasUsed: number | null })[];
};

export type FindGapsInput = {
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly limit: number;
};
export type FindGapsResult = {
  readonly missing: readonly BlockRange[];
  readonly due: readonly number[];
  readonly unchained: readonly number[];
  readonly counts: {
    readonly missing: number;
    readonly failed: number;
    readonly quarantined: number;
  };
  readonly nextDueAt: string | null;
  /** Whether somebody wants to hear of gaps that were closed. Absent: nobody. */
  readonly isAnnounced?: boolean;
};

/** Blocks of a scan that had their attempt: `recovered` of them are complete again. */
export type RecoveryInput = {
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly recovered: number;
  /** Those that failed once more, at most as many as a result of indexBlocks names. */
  readonly failed: readonly number[];
};

export type RegisterRangeInput = {
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly fromBlock: number;
  /** null while open (follow); below `fromBlock`: nothing is expected any more (stopped before the first block). */
  readonly toBlock: number | null;
  readonly origin: "follow" | "backfill";
  readonly workflowId: string;
  readonly state: "running" | "done" | "abandoned";
};

/** The activities that index workflows call; src/activities implements them. */
export type IndexActivities = {
  indexBlocks(input: IndexBlocksInput): Promise<IndexBlocksResult>;
  planChunk(input: PlanChunkInput): Promise<PlannedChunk>;
  findGaps(input: FindGapsInput): Promise<FindGapsResult>;
  registerRange(input: RegisterRangeInput): Promise<void>;
  /** Where follow starts when nobody said: after the highest indexed block, or at the head. */
  findFollowStart(input: {
    network: string;
    processors: readonly Processor[];
    headPolicy: HeadPolicy | null;
  }): Promise<{ nextBlock: number }>;
  ensureGapFill(input: { network: string }): Promise<{ workflowId: string; started: boolean }>;
  announceRecovery(input: RecoveryInput): Promise<void>;
  releaseBlocks(
    input: { network: string; processors: readonly Processor[] } & ReleaseRequest,
  ): Promise<{ released: number }>;
};
