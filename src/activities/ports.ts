import type { BlockRange } from "../domain/block-range.ts";
import type { BlockRef, HeadPolicy, Hex } from "../domain/chain.ts";
import type { Fork } from "../domain/fork.ts";
import type { LedgerRow, LedgerStatus } from "../domain/ledger.ts";
import type { DataTable, Processor } from "../domain/processor.ts";
import type { StructlogAggColumns } from "../trace/structlog-agg-columns.ts";
import type { StructlogColumns } from "../trace/structlog-columns.ts";
import type { TransactionRow } from "../trace/transaction-rows.ts";
import type { RecoveryInput } from "../workflows/index-activities.ts";
import type { ExecutionNode, NodePool } from "./node-ports.ts";

export type * from "./node-ports.ts";

/** The fork in force at a block; null = unknown, never guessed. */
export type ForkAt = (block: { number: number; timestamp: number }) => Fork | null;

/** A network as activities see it. */
export type Network = {
  readonly name: string;
  /** For small calls: the nodes spoken to as one. */
  readonly node: ExecutionNode;
  /** For blocks: one node an attempt. Absent: `node` is all there is. */
  readonly nodes?: NodePool;
  readonly processors: readonly Processor[];
  readonly forkAt: ForkAt;
  readonly headPolicy: HeadPolicy;
  /** Blocks behind the head that count as final on chains without finality; null = ask the node. */
  readonly finalityDepth: number | null;
  readonly retryPolicy: BlockRetryPolicy;
  /** The longest that one block may take, in milliseconds; default 10 minutes. */
  readonly blockDeadlineMs?: number;
};

/** When a failed block is tried again (design, section 5). */
export type BlockRetryPolicy = {
  readonly initialDelayMs: number;
  readonly maximumDelayMs: number;
  readonly maximumAttempts: number;
};

/** Where one stream of a block's rows belongs. */
export type Attempt = {
  readonly network: string;
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly parentHash: Hex;
  /** UInt64 in decimal, new for every stream of a block. */
  readonly attemptId: string;
};

/**
 * Gathers rows of many attempts and writes them as Native blocks. One an activity run; not safe for two at once.
 * Rows handed in are encoded at once, so that the columns can be used again.
 */
export interface RowWriter {
  addStructlogs(attempt: Attempt, columns: StructlogColumns): void;
  addStructlogAggs(attempt: Attempt, columns: StructlogAggColumns): void;
  addTransactions(attempt: Attempt, rows: readonly TransactionRow[]): void;
  /** What waits to be written. */
  readonly pending: { readonly rows: number; readonly bytes: number };
  /**
   * Writes all that waits, one insert a table. A HTTP retry of an insert is deduplicated by its token.
   * @throws {StorageUnavailableError} @throws {StorageRefusedError} @throws {DiskFullError}
   */
  flush(signal?: AbortSignal): Promise<void>;
}

export interface RowStore {
  createWriter(): RowWriter;
  /** Rows stored under each attempt: attempt id -> count; absent = 0. */
  countRows(
    table: DataTable,
    attempts: readonly Attempt[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>>;
}

export type LedgerQuery = {
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly range: BlockRange;
};

export type GapQuery = {
  readonly network: string;
  readonly processors: readonly Processor[];
  /** All ranges of the network, read once: a job that starts during the scan must not count as nobody's. */
  readonly expected: readonly ExpectedRange[];
  /** Those of `expected` that running jobs have in hand: their missing blocks are left alone. */
  readonly inHand: readonly BlockRange[];
  /** The most blocks to return. */
  readonly limit: number;
  readonly now: string;
};

/** What has to be done, newest first near the head; bounded by the query's limit. */
export type Gaps = {
  /** Expected, and nothing of any rank stands there. */
  readonly missing: readonly BlockRange[];
  /** Failed and due. */
  readonly due: readonly number[];
  /** Neighbours whose hashes do not chain: the higher one of each pair. */
  readonly unchained: readonly number[];
  readonly counts: {
    readonly missing: number;
    readonly failed: number;
    readonly quarantined: number;
  };
  /** When the next failed block is due; null if none waits. */
  readonly nextDueAt: string | null;
  readonly byProcessor: readonly ProcessorGaps[];
};

/** What one processor lacks, in blocks. */
export type ProcessorGaps = {
  readonly processor: Processor;
  readonly missing: number;
  readonly failed: number;
  readonly quarantined: number;
  /** Blocks from the oldest missing one up to the highest that is expected; 0 where none is missing. */
  readonly oldestMissingDepth: number;
};

/** Complete blocks of which other rows stand than their ledger rows promise. */
export type Miscount = { readonly processor: Processor; readonly blocks: readonly number[] };

export interface RecountStore {
  /**
   * Counts the stored rows of the blocks whose turn it is, a bounded number, and remembers that it did: newest first
   * what a server that restarted may have lost, then what was never counted again, then what was longest ago.
   */
  recountNext(query: {
    network: string;
    processors: readonly Processor[];
  }): Promise<readonly Miscount[]>;
}

export type ExpectedRange = {
  readonly network: string;
  readonly processor: Processor;
  readonly fromBlock: number;
  /** null while open (follow). */
  readonly toBlock: number | null;
  readonly origin: "follow" | "backfill";
  readonly workflowId: string;
  readonly state: "running" | "done" | "abandoned";
};

export type CoverageStatus = "proven" | "unverified" | "failed" | "quarantined" | "missing";
export type CoverageRange = BlockRange & {
  readonly status: CoverageStatus;
  /**
   * ISO time of the oldest recount that the rows of a complete range rest on; null where a part of it was never
   * counted again since it was stored. Absent on other ranges.
   */
  readonly lastRecountAt?: string | null;
};
export type Coverage = {
  readonly network: string;
  readonly processor: Processor;
  /** The union of the expected ranges, cut to the window asked for. */
  readonly expected: readonly BlockRange[];
  readonly blocks: Readonly<Record<CoverageStatus, number>>;
  /** Maximal runs of one status, oldest first; of a ledger in shreds the oldest 100,000. */
  readonly ranges: readonly CoverageRange[];
  /** Runs that `ranges` leaves out; `blocks` counts theirs too. Absent: none. */
  readonly rangesOmitted?: number;
  readonly transactionCount: number;
  readonly rowCount: number;
  /** Complete ledger rows whose stored row count differs (only where `verify` recounted; else empty). */
  readonly miscounted: readonly number[];
  /** Rows more than one canonical attempt shows; 0 by construction, counted all the same with `verify`. */
  readonly duplicates: number;
  /** The oldest of the ranges' recounts; null where one has none. */
  readonly lastRecountAt: string | null;
};

export interface Ledger {
  /** The winning rows in a range, by block number. */
  read(query: LedgerQuery, signal?: AbortSignal): Promise<LedgerRow[]>;
  /** The winning row of each number, wherever they lie. */
  readBlocks(
    network: string,
    processors: readonly Processor[],
    blockNumbers: readonly number[],
  ): Promise<LedgerRow[]>;
  /** Hashes of complete rows above `aboveBlock`, newest first: what a reorg compares with the node. */
  hashesAbove(network: string, aboveBlock: number, limit: number): Promise<BlockRef[]>;
  /** The lowest `limit` hashes of complete rows in a range, oldest first: what a sweep compares with the final chain. */
  hashesIn(network: string, range: BlockRange, limit: number): Promise<BlockRef[]>;
  /** Every version that called one of these blocks complete, by number and hash, newest first. */
  completedVersions(network: string, blocks: readonly BlockRef[]): Promise<LedgerRow[]>;
  /**
   * Writes rows in ONE insert: it stands whole or not at all. The event table gets the same rows.
   * @param decision - names what the rows decide; of two inserts under one name, by whomever, the first counts.
   */
  write(rows: readonly LedgerRow[], signal?: AbortSignal, decision?: string): Promise<void>;
  findGaps(query: GapQuery): Promise<Gaps>;
  /** Numbers of rows in a status, the newest first, bounded; by kind where given. */
  findByStatus(query: {
    network: string;
    processors: readonly Processor[];
    status: LedgerStatus;
    kind?: string;
    range?: BlockRange;
    limit: number;
  }): Promise<number[]>;
  coverage(query: {
    network: string;
    processor: Processor;
    window?: BlockRange;
    verify: boolean;
  }): Promise<Coverage>;
  /** Every version ever written of a block, oldest first. */
  history(
    network: string,
    blockNumber: number,
  ): Promise<(LedgerRow & { readonly updatedAt: string })[]>;
}

export interface RangeStore {
  write(ranges: readonly ExpectedRange[]): Promise<void>;
  read(network: string): Promise<ExpectedRange[]>;
}

export interface NetworkStore {
  /**
   * Binds a network to its chain at first use; afterwards only compares.
   * @throws {NetworkBindingError} when chain id or genesis hash differ from the first use's.
   */
  bind(binding: { network: string; chainId: number; genesisHash: Hex }): Promise<void>;
  /** The highest finalized block ever seen, raised to `seen` if that is higher. */
  raiseFinalized(network: string, seen: number | null): Promise<number | null>;
  /**
   * The block up to which all stored rows are known to lie on the final chain, raised to `blockNumber` if that is
   * higher; null before the first sweep. Never sinks.
   */
  raiseSwept(network: string, blockNumber: number | null): Promise<number | null>;
}

/** Meters of our own; names without prefix, Prometheus style. */
export interface Meters {
  blocks(network: string, status: "complete" | "failed", count: number): void;
  rows(network: string, table: DataTable, count: number): void;
  failures(network: string, kind: string): void;
  headDistance(network: string, blocks: number): void;
  /** What a scan of gap-fill found that nobody has in hand. */
  gaps(network: string, gaps: readonly ProcessorGaps[]): void;
  traceSeconds(network: string, seconds: number): void;
  /** A reorg that was followed; depth in blocks. */
  reorg(network: string, depth: number): void;
  /** The node contradicts rows that were final: a person has to decide. */
  finalityContradiction(network: string): void;
}

/** What an operator's receiver is told. */
export type Announcement = RecoveryInput & {
  /** The same when a delivery is repeated. */
  readonly id: string;
  readonly type: "blocks.recovered";
  readonly at: string;
};

export interface Announcer {
  /** @throws {WebhookRefusedError} */
  announce(message: Announcement): Promise<void>;
}

/** All that activities need; put together in src/worker.ts. */
export type Dependencies = {
  /** @throws {UnknownNetworkError} */
  readonly network: (name: string) => Promise<Network>;
  readonly rows: RowStore;
  readonly ledger: Ledger;
  readonly ranges: RangeStore;
  readonly networks: NetworkStore;
  readonly recounts: RecountStore;
  readonly meters: Meters;
  /** Absent: nobody wants to hear. */
  readonly announcer?: Announcer;
  /** Starts the gap-fill workflow of a network unless it runs. */
  readonly ensureGapFill: (network: string) => Promise<{ workflowId: string; started: boolean }>;
  /** Whether a workflow is still open. */
  readonly isWorkflowOpen: (workflowId: string) => Promise<boolean>;
  readonly now: () => Date;
  readonly newAttemptId: () => string;
};
