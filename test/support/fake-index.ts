import { CancelledFailure, Context, sleep } from "@temporalio/activity";
import type { ApplicationFailure } from "@temporalio/common";
import type { BlockRange } from "../../src/domain/block-range.ts";
import { subtractRanges } from "../../src/domain/block-range.ts";
import type {
  FindGapsResult,
  IndexActivities,
  IndexBlocksInput,
  IndexBlocksResult,
  PlanChunkInput,
  PlannedChunk,
  RecoveryInput,
  RegisterRangeInput,
} from "../../src/workflows/index-activities.ts";
import type { ReleaseRequest } from "../../src/workflows/messages.ts";

/** What happened to one block, in order. */
export type IndexedBlock = {
  readonly blockNumber: number;
  readonly force: boolean;
  readonly reason: string;
  readonly priorityKey: number | undefined;
};

/** The index activities over a ledger in memory, with faults on demand. One a test. */
export class FakeIndex {
  /** Every block that had its attempt, in order. */
  readonly indexed: IndexedBlock[] = [];
  readonly calls: IndexBlocksInput[] = [];
  /** When each of the calls began. */
  readonly startedAtMs: number[] = [];
  readonly plans: PlanChunkInput[] = [];
  readonly registered: RegisterRangeInput[] = [];
  readonly released: ReleaseRequest[] = [];
  readonly announced: RecoveryInput[] = [];
  readonly complete = new Set<number>();
  /** Blocks that a release by kind finds, 1,000 a call. */
  quarantined = 0;
  ensuredGapFills = 0;
  scans = 0;
  scanMs = 0;
  chunkBlocks = 10;
  blockMs = 0;
  head = 1_000_000;
  /** Blocks that fail so many times more. */
  readonly failures = new Map<number, number>();
  gaps: Omit<FindGapsResult, "nextDueAt"> = {
    missing: [],
    due: [],
    unchained: [],
    counts: { missing: 0, failed: 0, quarantined: 0 },
  };
  nextDueAt: string | null = null;
  /** While set, every call comes back without having reached a block. */
  reachesNothing = false;
  /** The next call reaches no block and tells this; taken by one call. */
  refusal: Pick<IndexBlocksResult, "nodes" | "restMs"> | undefined;
  /** What calls tell of the nodes otherwise. */
  nodes: IndexBlocksResult["nodes"];
  /** While set, every call fails with it. */
  outage: ApplicationFailure | undefined;
  /** Calls stand still before their first block while it is closed. */
  private isGateClosed = false;
  private running = 0;
  mostRunning = 0;

  closeGate(): void {
    this.isGateClosed = true;
  }

  openGate(): void {
    this.isGateClosed = false;
  }

  readonly activities: IndexActivities = {
    indexBlocks: (input) => this.indexBlocks(input),
    planChunk: async (input) => this.planChunk(input),
    findGaps: async () => this.findGaps(),
    registerRange: async (input) => {
      this.registered.push(input);
    },
    findFollowStart: async () => ({ nextBlock: this.head }),
    ensureGapFill: async ({ network }) => {
      this.ensuredGapFills += 1;
      return { workflowId: `gap-fill/${network}`, started: true };
    },
    announceRecovery: async (input) => {
      this.announced.push(input);
    },
    releaseBlocks: async (input) => {
      this.released.push(input);
      this.quarantined = Math.max(0, this.quarantined - 1000);
      return { released: this.quarantined };
    },
  };

  private planChunk(input: PlanChunkInput): PlannedChunk {
    this.plans.push(input);
    const { fromBlock, toBlock } = input;
    return input.order === "oldest-first"
      ? { fromBlock, toBlock: Math.min(toBlock, fromBlock + this.chunkBlocks - 1), gasUsed: 1 }
      : { fromBlock: Math.max(fromBlock, toBlock - this.chunkBlocks + 1), toBlock, gasUsed: 1 };
  }

  private async findGaps(): Promise<FindGapsResult> {
    this.scans += 1;
    if (this.scanMs > 0) await sleep(this.scanMs);
    const done: BlockRange[] = [...this.complete].map((n) => ({ fromBlock: n, toBlock: n }));
    return {
      ...this.gaps,
      missing: subtractRanges(this.gaps.missing, done),
      due: this.gaps.due.filter((n) => !this.complete.has(n)),
      nextDueAt: this.nextDueAt,
    };
  }

  private async indexBlocks(input: IndexBlocksInput): Promise<IndexBlocksResult> {
    this.calls.push(input);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    const startedAtMs = Date.now();
    this.startedAtMs.push(startedAtMs);
    const tally = { blocks: 0, skipped: 0, failed: [] as IndexBlocksResult["failed"][number][] };
    let nextBlock = input.fromBlock;
    const stopsAtHead = input.stopAtHead === true || input.toBlock === null;
    const { refusal } = this;
    this.refusal = undefined;
    const lastBlock =
      this.reachesNothing || refusal
        ? -1
        : Math.min(input.toBlock ?? this.head, stopsAtHead ? this.head : Number.MAX_SAFE_INTEGER);
    try {
      if (this.outage) throw this.outage;
      await this.pass();
      for (; nextBlock <= lastBlock; nextBlock += 1) {
        this.indexBlock(nextBlock, input, tally);
        Context.current().heartbeat(nextBlock);
        if (this.blockMs > 0) await sleep(this.blockMs);
      }
      if (input.toBlock === null && tally.blocks === 0) await sleep(100);
    } catch (error) {
      // The contract: a cancelled call says what it did.
      if (!(error instanceof CancelledFailure)) throw error;
      if (tally.blocks > 0) nextBlock += 1;
    } finally {
      this.running -= 1;
    }
    return {
      ...(this.nodes && { nodes: this.nodes }),
      ...refusal,
      nextBlock,
      head: stopsAtHead && !this.reachesNothing ? this.head : null,
      blocks: tally.blocks,
      skipped: tally.skipped,
      transactions: tally.blocks * 2,
      rows: tally.blocks * 100,
      failedCount: tally.failed.length,
      failed: tally.failed,
      gasUsed: tally.blocks * 1_000_000,
      seconds: (Date.now() - startedAtMs) / 1000,
      reorgs: [],
    };
  }

  private indexBlock(
    blockNumber: number,
    input: IndexBlocksInput,
    tally: {
      blocks: number;
      skipped: number;
      failed: { blockNumber: number; kind: string; reason: string }[];
    },
  ): void {
    tally.blocks += 1;
    if (this.complete.has(blockNumber) && !input.force) {
      tally.skipped += 1;
      return;
    }
    const priorityKey = Context.current().info.priority?.priorityKey;
    this.indexed.push({ blockNumber, force: input.force, reason: input.reason, priorityKey });
    const failures = this.failures.get(blockNumber) ?? 0;
    if (failures > 0) {
      this.failures.set(blockNumber, failures - 1);
      tally.failed.push({ blockNumber, kind: "trace_refused", reason: "the node refused" });
    } else {
      this.complete.add(blockNumber);
    }
  }

  private async pass(): Promise<void> {
    while (this.isGateClosed) {
      Context.current().heartbeat();
      await sleep(50);
    }
  }
}
