import type { BlockRange } from "../domain/block-range.ts";
import type { HeadPolicy } from "../domain/chain.ts";
import type { NodeReport, TraceBudget } from "../domain/node-budget.ts";
import type { Processor } from "../domain/processor.ts";
import type { AcceptedReorg, ReleaseRequest } from "./messages.ts";

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
