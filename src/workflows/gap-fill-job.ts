import type { BlockRange } from "../domain/block-range.ts";
import { formatNumber, formatRange, formatTime } from "./details.ts";
import { type GapBatch, planGapBatches } from "./gap-batches.ts";
import type {
  GapFillInput,
  GapFillProgress,
  GapFillState,
  RequeuedRange,
} from "./gap-fill-shapes.ts";
import type { FindGapsResult, IndexBlocksResult } from "./index-activities.ts";
import type { RequeueAnswer } from "./messages.ts";
import { messageNames } from "./messages.ts";
import { NodeBudgets } from "./node-budgets.ts";
import { ReleaseQueue } from "./release-queue.ts";
import { type Parsed, parseReleaseRequest, parseRequeueRequest } from "./requests.ts";
import { RequeueQueue } from "./requeue-queue.ts";

/** The shortest rest between scans, whatever is due: clocks differ. */
const shortestRestMs = 100;

/** What gap-fill has to do, in hand and done. Pure: the workflow asks it and tells it. */
export class GapFillJob {
  /** Until when it rests because nothing is to do; null while it works. */
  restsUntil: string | null = null;
  /** What a person has to mend; null while there is nothing. */
  fault: string | null = null;
  batchInHand: GapBatch | undefined;
  /** It has something to do, and every node asks to be left alone. */
  isHeldBack = false;
  readonly requeues: RequeueQueue;
  readonly releases: ReleaseQueue;
  readonly nodes: NodeBudgets;
  private readonly input: GapFillInput;
  private totals: Omit<GapFillState, "requeued" | "released" | "budget">;
  private counts: FindGapsResult["counts"] = { missing: 0, failed: 0, quarantined: 0 };
  private nextDueAt: string | null = null;
  private lastUnchainedAtMs = 0;

  constructor(input: GapFillInput, nowMs: number) {
    const {
      requeued = [],
      released = [],
      budget,
      ...totals
    } = input.state ?? {
      paused: false,
      recovered: 0,
      requeuedDone: 0,
      failed: 0,
      lastRefusal: "",
      startedAt: new Date(nowMs).toISOString(),
      lastError: null,
      budget: undefined,
    };
    this.nodes = new NodeBudgets(budget);
    this.input = input;
    this.totals = totals;
    this.requeues = new RequeueQueue(requeued);
    this.releases = new ReleaseQueue(released);
  }

  get isPaused(): boolean {
    return this.totals.paused;
  }

  setPaused(paused: boolean): void {
    this.totals = { ...this.totals, paused };
  }

  noteRefusal(lastRefusal: string): void {
    this.totals = { ...this.totals, lastRefusal };
  }

  noteError(lastError: string): void {
    this.totals = { ...this.totals, lastError };
  }

  /** Queues what a person asks to index again; a request that cannot be read as a whole changes nothing. */
  requeue(body: unknown): Parsed<RequeueAnswer> {
    const parsed = parseRequeueRequest(body, this.input.processors);
    if (parsed.kind === "refused") return parsed;
    return { kind: "ok", request: this.requeues.add(parsed.request, this.isPaused) };
  }

  /** Queues a release. @returns why it was refused, or null. */
  release(body: unknown): string | null {
    const parsed = parseReleaseRequest(body);
    return parsed.kind === "refused" ? parsed.reason : this.releases.add(parsed.request);
  }

  /**
   * Books a scan and plans its calls. Hashes that did not chain are traced again once a scan interval: they count as
   * complete, so that nothing else would ever let them rest.
   */
  planScan(gaps: FindGapsResult, nowMs: number): GapBatch[] {
    this.counts = gaps.counts;
    this.nextDueAt = gaps.nextDueAt;
    const isUnchainedDue = nowMs - this.lastUnchainedAtMs >= this.input.scanIntervalMs;
    if (isUnchainedDue && gaps.unchained.length > 0) this.lastUnchainedAtMs = nowMs;
    const unchained = isUnchainedDue ? gaps.unchained : [];
    return planGapBatches({ ...gaps, unchained }, this.input.batchBlocks, this.requeues.pending);
  }

  /** Books a batch of a scan. @returns whether the ledger moved: if not, the next scan would find the same. */
  finishBatch(batch: GapBatch, result: IndexBlocksResult): boolean {
    this.noteFailures(result);
    const attempted = result.blocks - result.skipped;
    const recovered = this.totals.recovered + Math.max(0, attempted - result.failedCount);
    this.totals = { ...this.totals, recovered };
    return attempted > 0 && !batch.force;
  }

  /** Books a requeued range; blocks that it did not reach wait again. */
  finishRequeued(range: RequeuedRange, result: IndexBlocksResult, isCancelled: boolean): void {
    this.noteFailures(result);
    this.totals = { ...this.totals, requeuedDone: this.totals.requeuedDone + result.blocks };
    const { head, nextBlock: fromBlock } = result;
    if (head !== null && fromBlock > head && fromBlock <= range.toBlock) {
      this.requeues.putDown(range.toBlock + 1);
      const blocks = formatRange({ fromBlock, toBlock: range.toBlock });
      this.noteRefusal(
        `${messageNames.requeueBlocks}: ${blocks}: above the head (${formatNumber(head)}); ask again when the chain has it`,
      );
      return;
    }
    // It came back early, and its turn comes again.
    const isHandedBack = result.restMs !== undefined;
    if (result.blocks > 0 || isCancelled || isHandedBack) {
      this.requeues.putDown(result.nextBlock);
      return;
    }
    // Nothing done though nobody stopped it: such a range would come back for ever.
    this.requeues.putDown(range.toBlock + 1);
    this.noteError(`the requeue of ${formatRange(range)} reached no block: above the head?`);
  }

  /** How long to rest: until the next scan or the next block that is due. Milliseconds. */
  startRest(nowMs: number): number {
    const dueInMs =
      this.nextDueAt === null ? Number.POSITIVE_INFINITY : Date.parse(this.nextDueAt) - nowMs;
    const restMs = Math.max(shortestRestMs, Math.min(this.input.scanIntervalMs, dueInMs));
    this.restsUntil = new Date(nowMs + restMs).toISOString();
    return restMs;
  }

  get recovered(): number {
    return this.totals.recovered;
  }

  /** @param nowMs - of the workflow's clock; what nodes ask for is measured by it. */
  progress(nowMs: number): GapFillProgress {
    const { paused, recovered, requeuedDone, failed, lastError, lastRefusal } = this.totals;
    const { inFlight } = this;
    const nodes = this.nodes.progress(nowMs);
    return {
      network: this.input.network,
      missing: this.counts.missing,
      failedWaiting: this.counts.failed,
      quarantined: this.counts.quarantined,
      requeued: this.requeues.blocks,
      inFlight,
      recovered,
      requeuedDone,
      failed,
      nextDueAt: this.nextDueAt,
      paused,
      lastError,
      lastRefusal,
      waitingFor: inFlight.length > 0 ? null : this.waitingFor(nowMs),
      halted: inFlight.length === 0 && this.fault !== null,
      ...(nodes && { nodes }),
    };
  }

  /** What the next run goes on from. What is in hand counts as pending. */
  get state(): GapFillState {
    const budget = this.nodes.state;
    return {
      ...this.totals,
      requeued: this.requeues.pending,
      released: this.releases.pending,
      ...(budget && { budget }),
    };
  }

  private get inFlight(): BlockRange[] {
    return [this.requeues.taken, this.batchInHand]
      .filter((range) => range !== undefined)
      .map(({ fromBlock, toBlock }) => ({ fromBlock, toBlock }));
  }

  private waitingFor(nowMs: number): string | null {
    if (this.isPaused) return "resume (paused)";
    if (this.fault !== null) return `somebody to mend this: ${this.fault}`;
    const nodes = this.isHeldBack ? this.nodes.waitingFor(nowMs) : null;
    if (nodes !== null) return nodes;
    if (this.restsUntil === null) return null;
    const rest = formatTime(this.restsUntil);
    // A worker that dies in a scan delays it: a time that is gone would read as a job that hangs.
    return Date.parse(this.restsUntil) <= nowMs
      ? `the scan that began at ${rest}`
      : `the next scan at ${rest}, or a message`;
  }

  private noteFailures(result: IndexBlocksResult): void {
    const last = result.failed.at(-1);
    if (last) this.noteError(`block ${last.blockNumber}: ${last.kind}: ${last.reason}`);
    this.totals = { ...this.totals, failed: this.totals.failed + result.failedCount };
  }
}
