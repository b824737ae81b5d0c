import type { BlockRange } from "../domain/block-range.ts";
import { countBlocks, mergeRanges, subtractRanges } from "../domain/block-range.ts";
import type {
  BackfillInput,
  BackfillProgress,
  BackfillResult,
  BackfillState,
} from "./backfill-shapes.ts";
import type { IndexBlocksResult, PlannedChunk } from "./index-activities.ts";
import { maximumRanges } from "./messages.ts";
import { NodeBudgets } from "./node-budgets.ts";
import { Throughput } from "./throughput.ts";

/** How far one chunk may correct the size of the next: a run of empty blocks must not plan an hour of work. */
const maximumGrowth = 4;
/** Where the learning starts when the first chunk held no gas at all: one full block of mainnet. */
const firstGasPerChunk = 30_000_000;

/** What a backfill has left, in hand and done. Pure: the workflow asks it and tells it. */
export class BackfillJob {
  paused: boolean;
  concurrency: number;
  lastError: string | null;
  readonly nodes: NodeBudgets;
  private left: readonly BlockRange[];
  private inFlight: readonly BlockRange[] = [];
  private gasPerChunk: number | null;
  private planned: readonly PlannedChunk[] = [];
  private totals: BackfillResult;
  private readonly startedAt: string;
  private readonly throughput = new Throughput();
  private readonly input: BackfillInput;

  constructor(input: BackfillInput, nowMs: number) {
    const state = input.state ?? startState(input, nowMs);
    const { blocks, transactions, rows, failed } = state;
    this.input = input;
    this.left = state.left;
    this.paused = state.paused;
    this.lastError = state.lastError;
    this.concurrency = state.concurrency;
    this.nodes = new NodeBudgets(state.budget);
    this.gasPerChunk = state.gasPerChunk;
    this.totals = { blocks, transactions, rows, failed };
    this.startedAt = state.startedAt;
  }

  get isAllHandedOut(): boolean {
    return this.left.length === 0;
  }

  get result(): BackfillResult {
    return this.totals;
  }

  /** The blocks to plan the next chunk from: what is left at the end where work goes on. */
  get nextSpan(): BlockRange | undefined {
    return this.input.order === "oldest-first" ? this.left[0] : this.left.at(-1);
  }

  get wantedGas(): number | null {
    return this.gasPerChunk;
  }

  /** The next chunk of an earlier plan; undefined where there is none or it no longer fits what is left. */
  takePlanned(): PlannedChunk | undefined {
    const [next, ...others] = this.planned;
    const span = this.nextSpan;
    this.planned = others;
    if (next && span && isAtWorkingEnd(next, span, this.input.order)) return next;
    this.planned = [];
    return undefined;
  }

  /** Takes a planned chunk of the span in hand and keeps the chunks that the plan foresaw beyond it. */
  take(planned: PlannedChunk, span: BlockRange): BlockRange {
    const chunk = fitToWorkingEnd(planned, span, this.input.order);
    this.left = subtractRanges(this.left, [chunk]);
    this.inFlight = [...this.inFlight, chunk];
    this.planned = planned.following ?? this.planned;
    return chunk;
  }

  /** Books what became of a chunk; blocks that it did not reach are left again. */
  finish(
    chunk: BlockRange,
    result: IndexBlocksResult,
    times: { startedAtMs: number; nowMs: number },
  ) {
    this.inFlight = this.inFlight.filter((range) => range !== chunk);
    if (result.nextBlock <= chunk.toBlock) this.putBack({ ...chunk, fromBlock: result.nextBlock });
    this.totals = {
      blocks: this.totals.blocks + result.blocks,
      transactions: this.totals.transactions + result.transactions,
      rows: this.totals.rows + result.rows,
      failed: this.totals.failed + result.failedCount,
    };
    const last = result.failed.at(-1);
    if (last) this.lastError = `block ${last.blockNumber}: ${last.kind}: ${last.reason}`;
    this.throughput.add({
      startedAtMs: times.startedAtMs,
      endedAtMs: times.nowMs,
      blocks: result.blocks,
      rows: result.rows,
    });
    // A chunk that came back early says nothing of the size of a whole one.
    if (result.restMs === undefined) this.learn(result);
  }

  /** Puts a chunk back that did not come to its end. */
  giveBack(chunk: BlockRange): void {
    this.inFlight = this.inFlight.filter((range) => range !== chunk);
    this.putBack(chunk);
  }

  pause(): void {
    this.paused = true;
    this.throughput.reset();
  }

  resume(): void {
    this.paused = false;
  }

  /** The blocks that had their attempt, as ranges. */
  get done(): BlockRange[] {
    const whole = { fromBlock: this.input.fromBlock, toBlock: this.input.toBlock };
    return subtractRanges([whole], [...this.left, ...this.inFlight]);
  }

  /** @param nowMs - of the workflow's clock; what nodes ask for is measured by it. */
  progress(nowMs: number): BackfillProgress {
    const totalBlocks = countBlocks(this.input);
    const doneBlocks = this.done.reduce((sum, range) => sum + countBlocks(range), 0);
    const { blocksPerSecond, rowsPerSecond } = this.throughput.rate;
    const nodes = this.nodes.progress(nowMs);
    return {
      network: this.input.network,
      fromBlock: this.input.fromBlock,
      toBlock: this.input.toBlock,
      totalBlocks,
      doneBlocks,
      donePercent: Math.floor((doneBlocks / totalBlocks) * 10_000) / 100,
      blocksPerSecond,
      rowsPerSecond,
      etaSeconds:
        blocksPerSecond > 0 ? Math.ceil((totalBlocks - doneBlocks) / blocksPerSecond) : null,
      inFlight: this.inFlight,
      transactions: this.totals.transactions,
      rows: this.totals.rows,
      failed: this.totals.failed,
      concurrency: this.concurrency,
      paused: this.paused,
      lastError: this.lastError,
      waitingFor: this.inFlight.length === 0 ? this.waitingFor(nowMs) : null,
      ...(nodes && { nodes }),
    };
  }

  /** What the next run goes on from. Chunks in flight count as left. */
  get state(): BackfillState {
    const budget = this.nodes.state;
    return {
      left: mergeRanges([...this.left, ...this.inFlight]),
      paused: this.paused,
      concurrency: this.concurrency,
      gasPerChunk: this.gasPerChunk,
      ...this.totals,
      startedAt: this.startedAt,
      lastError: this.lastError,
      ...(budget && { budget }),
    };
  }

  private waitingFor(nowMs: number): string | null {
    return this.paused ? "resume (paused)" : this.nodes.waitingFor(nowMs);
  }

  private putBack(range: BlockRange): void {
    const left = mergeRanges([...this.left, range]);
    // Bounded state: where holes grow too many, the smallest price is to walk over done blocks again (they are skipped).
    this.left =
      left.length <= maximumRanges
        ? left
        : [{ fromBlock: range.fromBlock, toBlock: left.at(-1)?.toBlock ?? range.toBlock }];
  }

  private learn(result: IndexBlocksResult): void {
    const before = this.gasPerChunk ?? Math.max(result.gasUsed, firstGasPerChunk);
    const gasPerSecond = result.gasUsed / Math.max(result.seconds, 0.001);
    // Without gas (empty or skipped blocks) a chunk says nothing about speed, only that it was too small.
    const wanted =
      result.gasUsed > 0 ? gasPerSecond * this.input.chunkSeconds : before * maximumGrowth;
    const bounded = Math.min(Math.max(wanted, before / maximumGrowth), before * maximumGrowth);
    this.gasPerChunk = Math.min(Math.round(bounded), Number.MAX_SAFE_INTEGER);
  }
}

function startState(
  { fromBlock, toBlock, concurrency }: BackfillInput,
  nowMs: number,
): BackfillState {
  return {
    left: [{ fromBlock, toBlock }],
    paused: false,
    concurrency,
    gasPerChunk: null,
    blocks: 0,
    transactions: 0,
    rows: 0,
    failed: 0,
    startedAt: new Date(nowMs).toISOString(),
    lastError: null,
  };
}

function isAtWorkingEnd(chunk: BlockRange, span: BlockRange, order: BackfillInput["order"]) {
  return order === "oldest-first"
    ? chunk.fromBlock === span.fromBlock && chunk.toBlock <= span.toBlock
    : chunk.toBlock === span.toBlock && chunk.fromBlock >= span.fromBlock;
}

/** Cuts a chunk to the span, so that it begins where work goes on and holds at least one block, whatever a plan said. */
function fitToWorkingEnd(chunk: BlockRange, span: BlockRange, order: BackfillInput["order"]) {
  const within = (block: number) => Math.min(Math.max(block, span.fromBlock), span.toBlock);
  return order === "oldest-first"
    ? { fromBlock: span.fromBlock, toBlock: within(chunk.toBlock) }
    : { fromBlock: within(chunk.fromBlock), toBlock: span.toBlock };
}
