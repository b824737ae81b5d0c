import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { BlockRange } from "../domain/block-range.ts";
import { describeGapFill, formatRange } from "./details.ts";
import { findGaps, indexBulk, releaseBlocks } from "./effects.ts";
import { describeFault, faultRetryInterval, isFault, refusal } from "./fault.ts";
import { type GapBatch, planGapBatches } from "./gap-batches.ts";
import { InFlight } from "./in-flight.ts";
import { checkGapFillInput } from "./inputs.ts";
import {
  gapFillProgressQuery,
  pauseSignal,
  pendingQuery,
  releaseBlocksSignal,
  requeueBlocksSignal,
  requeueBlocksUpdate,
  resumeSignal,
} from "./message-definitions.ts";
import type {
  FindGapsResult,
  GapFillInput,
  GapFillProgress,
  GapFillState,
  IndexBlocksResult,
  RequeueAnswer,
} from "./messages.ts";
import { messageNames } from "./messages.ts";
import { ReleaseQueue } from "./release-queue.ts";
import {
  parseReleaseRequest,
  parseRequeueRequest,
  releaseExample,
  requeueExample,
} from "./requests.ts";
import { RequeueQueue } from "./requeue-queue.ts";
import { RunLimits } from "./run-limits.ts";
import { AttributeWriter } from "./search-attributes.ts";
import { readSignalBody, type SignalBody } from "./signal-body.ts";

/** Batches that one scan plans at most: enough to keep busy, few enough to see what changed meanwhile. */
const batchesPerScan = 10;
/** The shortest rest between scans, whatever is due: clocks differ. */
const shortestRestMs = 100;

/**
 * Closes the gaps of a network: failed blocks that are due, missing ones, hashes that do not chain, and what people
 * requeue or release. Ends only by cancellation: then it drains and keeps what is done.
 */
export async function gapFillWorkflow(input: GapFillInput): Promise<void> {
  checkGapFillInput(input);
  const run = new GapFillRun(input);
  run.listen();
  run.show();
  try {
    await run.fill();
  } catch (error) {
    if (isCancellation(error)) await run.stop();
    throw error;
  }
}

/** What a scan said last. */
type Counts = FindGapsResult["counts"] & Pick<FindGapsResult, "nextDueAt">;

/** One run of the workflow: from a start, or from the run before, to the next. */
class GapFillRun {
  private readonly input: GapFillInput;
  private state: Omit<GapFillState, "requeued" | "released">;
  private readonly requeues: RequeueQueue;
  private readonly releases: ReleaseQueue;
  private counts: Counts = { missing: 0, failed: 0, quarantined: 0, nextDueAt: null };
  private batchInHand: GapBatch | undefined;
  private requeueInHand: BlockRange | undefined;
  private readonly limits = new RunLimits();
  private readonly inFlight = new InFlight();
  private readonly attributes = new AttributeWriter();
  /** Until when it rests because nothing is to do; null while it works. */
  private restsUntil: string | null = null;
  /** What a person has to mend; null while there is nothing. */
  private fault: string | null = null;
  private nudges = 0;
  private lastUnchainedAtMs = 0;

  constructor(input: GapFillInput) {
    const {
      requeued = [],
      released = [],
      ...state
    } = input.state ?? {
      paused: false,
      recovered: 0,
      requeuedDone: 0,
      failed: 0,
      lastRefusal: "",
      startedAt: new Date().toISOString(),
      lastError: null,
    };
    this.input = input;
    this.state = state;
    this.requeues = new RequeueQueue(requeued);
    this.releases = new ReleaseQueue(released);
  }

  listen(): void {
    setHandler(gapFillProgressQuery, () => this.progress);
    setHandler(pendingQuery, () => this.requeues.pending);
    setHandler(pauseSignal, () => this.steer({ paused: true }), {
      description: "Starts nothing more, but still takes requeues and releases. No body.",
    });
    setHandler(resumeSignal, () => this.steer({ paused: false }), {
      description: "Goes on after a pause, or at once after an error that was mended. No body.",
    });
    setHandler(requeueBlocksSignal, (body) => this.takeRequeueSignal(readSignalBody(body)), {
      description: `Indexes blocks again, at most 1,000 a call: ${requeueExample}`,
    });
    setHandler(releaseBlocksSignal, (body) => this.takeReleaseSignal(readSignalBody(body)), {
      description: `Frees quarantined blocks: ${releaseExample}`,
    });
    setHandler(requeueBlocksUpdate, (body) => this.requeue(body), {
      description: `Indexes blocks again, at most 1,000 a call: ${requeueExample}`,
      validator: (body) => {
        const parsed = parseRequeueRequest(body, this.input.processors);
        if (parsed.kind === "refused") throw refusal(parsed.reason);
      },
    });
  }

  /** Two lanes side by side, so that a person's requeue never waits for the batch of a scan. */
  async fill(): Promise<never> {
    this.inFlight.start(() => this.runLane(() => this.indexRequeued()));
    this.inFlight.start(() => this.runLane(() => this.scanAndFill()));
    await condition(() => this.limits.isReached);
    await this.inFlight.settle();
    return this.continueAsNew();
  }

  /** After a cancellation: drains. What was requeued and not done is dropped with the job, and said. */
  async stop(): Promise<void> {
    await this.inFlight.drain();
    const dropped = this.requeues.pending.map(formatRange);
    if (dropped.length > 0)
      log.warn("Stopped with requeued blocks that were not done", { dropped });
    this.show("done");
  }

  /** Brings what people see up to date. */
  show(ended?: "done"): void {
    const { progress } = this;
    setCurrentDetails(describeGapFill(progress));
    const moving = progress.waitingFor === null ? "running" : "waiting";
    this.attributes.write({
      network: this.input.network,
      jobKind: "gap-fill",
      jobStatus: ended ?? (progress.paused ? "paused" : moving),
      fromBlock: null,
      toBlock: null,
      failedBlocks: progress.failedWaiting + progress.quarantined,
      donePercent: null,
    });
  }

  private get progress(): GapFillProgress {
    const { paused, recovered, requeuedDone, failed, lastError, lastRefusal } = this.state;
    const inFlight = [this.requeueInHand, this.batchInHand].filter((range) => range !== undefined);
    return {
      network: this.input.network,
      missing: this.counts.missing,
      failedWaiting: this.counts.failed,
      quarantined: this.counts.quarantined,
      requeued: this.requeues.blocks,
      inFlight: inFlight.map(({ fromBlock, toBlock }) => ({ fromBlock, toBlock })),
      recovered,
      requeuedDone,
      failed,
      nextDueAt: this.counts.nextDueAt,
      paused,
      lastError,
      lastRefusal,
      waitingFor: inFlight.length > 0 ? null : this.waitingFor,
    };
  }

  private get waitingFor(): string | null {
    if (this.state.paused) return "resume (paused)";
    if (this.fault !== null) return `somebody to mend this: ${this.fault}`;
    return this.restsUntil && `the next scan at ${this.restsUntil}, or a message`;
  }

  /** Every message is also a nudge: what rests or stood still over a fault goes on. */
  private steer(change: Partial<GapFillState>): void {
    this.limits.countMessage();
    this.nudges += 1;
    this.state = { ...this.state, ...change };
    this.show();
  }

  private takeRequeueSignal(body: SignalBody): void {
    if (body.kind === "unreadable") return this.refuse(messageNames.requeueBlocks, body.reason);
    const parsed = parseRequeueRequest(body.value, this.input.processors);
    if (parsed.kind === "refused") return this.refuse(messageNames.requeueBlocks, parsed.reason);
    const answer = this.requeue(body.value);
    const [refused] = answer.refused;
    if (refused) this.refuse(messageNames.requeueBlocks, `${refused.blocks}: ${refused.why}`);
  }

  private takeReleaseSignal(body: SignalBody): void {
    if (body.kind === "unreadable") return this.refuse(messageNames.releaseBlocks, body.reason);
    const parsed = parseReleaseRequest(body.value);
    if (parsed.kind === "refused") return this.refuse(messageNames.releaseBlocks, parsed.reason);
    const why = this.releases.add(parsed.request);
    if (why !== null) return this.refuse(messageNames.releaseBlocks, why);
    this.steer({});
  }

  private requeue(body: unknown): RequeueAnswer {
    const parsed = parseRequeueRequest(body, this.input.processors);
    if (parsed.kind === "refused") throw refusal(parsed.reason);
    const answer = this.requeues.add(parsed.request.ranges, this.state.paused);
    log.info("Requeued blocks", { queued: answer.queued, alreadyQueued: answer.alreadyQueued });
    this.steer({});
    return answer;
  }

  private refuse(message: string, reason: string): void {
    log.warn("Refused a message", { signal: message, reason });
    this.steer({ lastRefusal: `${message}: ${reason}` });
  }

  /** Repeats a step while this run lasts and nobody paused it. */
  private async runLane(step: () => Promise<void>): Promise<void> {
    for (;;) {
      await condition(() => !this.state.paused || this.limits.isReached);
      if (this.limits.isReached) return;
      try {
        await step();
      } catch (error) {
        if (!isFault(error)) throw error;
        await this.waitForMending(describeFault(error));
      } finally {
        this.show();
      }
    }
  }

  private async indexRequeued(): Promise<void> {
    await condition(() => this.mayRequeue || this.state.paused || this.limits.isReached);
    const range = this.mayRequeue ? this.requeues.take(this.input.batchBlocks) : undefined;
    if (!range) return;
    this.requeueInHand = range;
    this.show();
    let nextBlock = range.fromBlock;
    try {
      const result = await this.index({ ...range, force: true }, range.processors, "requeue");
      nextBlock = result.nextBlock;
      this.state = { ...this.state, requeuedDone: this.state.requeuedDone + result.blocks };
      // Nothing done though nobody stopped it: the range lies above the head, and would come back for ever.
      if (result.blocks === 0 && !CancellationScope.current().consideredCancelled) {
        nextBlock = range.toBlock + 1;
        this.state = {
          ...this.state,
          lastError: `the requeue of ${formatRange(range)} reached no block: above the head?`,
        };
      }
    } finally {
      this.requeueInHand = undefined;
      this.requeues.putDown(nextBlock);
    }
  }

  private get mayRequeue(): boolean {
    return !this.requeues.isEmpty && !this.state.paused && !this.limits.isReached;
  }

  private async scanAndFill(): Promise<void> {
    await this.release();
    const { network, processors, batchBlocks } = this.input;
    const gaps = await findGaps({ network, processors, limit: batchBlocks * batchesPerScan });
    this.counts = { ...gaps.counts, nextDueAt: gaps.nextDueAt };
    const moved = await this.fillGaps(this.planBatches(gaps));
    if (!moved) await this.rest();
  }

  private async release(): Promise<void> {
    for (let next = this.releases.first; next; next = this.releases.first) {
      const { network, processors } = this.input;
      const { released } = await releaseBlocks({ network, processors, ...next });
      this.releases.remove(next);
      log.info("Released blocks", { released });
    }
  }

  /** Hashes that did not chain are traced again once a scan interval: they count as complete and would never rest. */
  private planBatches(gaps: FindGapsResult): GapBatch[] {
    const nowMs = Date.now();
    const isUnchainedDue = nowMs - this.lastUnchainedAtMs >= this.input.scanIntervalMs;
    if (isUnchainedDue && gaps.unchained.length > 0) this.lastUnchainedAtMs = nowMs;
    const unchained = isUnchainedDue ? gaps.unchained : [];
    return planGapBatches({ ...gaps, unchained }, this.input.batchBlocks, this.requeues.pending);
  }

  /** @returns whether the ledger moved: if not, the next scan would find the same. */
  private async fillGaps(batches: readonly GapBatch[]): Promise<boolean> {
    let hasMoved = false;
    for (const batch of batches) {
      if (this.state.paused || this.limits.isReached || this.releases.first) return true;
      this.restsUntil = null;
      this.batchInHand = batch;
      this.show();
      try {
        const result = await this.index(batch, this.input.processors, "gapFill");
        const attempted = result.blocks - result.skipped;
        const recovered = Math.max(0, attempted - result.failedCount);
        this.state = { ...this.state, recovered: this.state.recovered + recovered };
        hasMoved ||= attempted > 0 && !batch.force;
      } finally {
        this.batchInHand = undefined;
      }
    }
    return hasMoved;
  }

  private async index(
    range: BlockRange & { force: boolean; reason: string; actor?: string },
    processors: GapFillInput["processors"],
    priority: "requeue" | "gapFill",
  ): Promise<IndexBlocksResult> {
    const { fromBlock, toBlock, force, reason } = range;
    const result = await indexBulk(
      {
        v: 1,
        network: this.input.network,
        processors,
        fromBlock,
        toBlock,
        maximumBlocks: null,
        headPolicy: null,
        force,
        reason,
        actor: range.actor || workflowInfo().workflowId,
      },
      priority,
    );
    const last = result.failed.at(-1);
    this.state = {
      ...this.state,
      failed: this.state.failed + result.failedCount,
      lastError: last
        ? `block ${last.blockNumber}: ${last.kind}: ${last.reason}`
        : this.state.lastError,
    };
    return result;
  }

  /** Until the next scan, the next due block or a message. */
  private async rest(): Promise<void> {
    const { nextDueAt } = this.counts;
    const nowMs = Date.now();
    const dueInMs = nextDueAt === null ? Number.POSITIVE_INFINITY : Date.parse(nextDueAt) - nowMs;
    const restMs = Math.max(shortestRestMs, Math.min(this.input.scanIntervalMs, dueInMs));
    this.restsUntil = new Date(nowMs + restMs).toISOString();
    this.show();
    await this.waitForNudge(restMs, "next scan");
  }

  /** Tries again by itself, because the mending cannot be seen from here. */
  private async waitForMending(fault: string): Promise<void> {
    this.fault = fault;
    this.state = { ...this.state, lastError: fault };
    this.show();
    await this.waitForNudge(faultRetryInterval, "tries again");
    this.fault = null;
  }

  private async waitForNudge(timeout: "1 minute" | number, summary: string): Promise<void> {
    const seen = this.nudges;
    await condition(() => this.nudges !== seen || this.limits.isReached, timeout, { summary });
  }

  private async continueAsNew(): Promise<never> {
    await condition(allHandlersFinished);
    return continueAsNew<typeof gapFillWorkflow>({
      ...this.input,
      state: { ...this.state, requeued: this.requeues.pending, released: this.releases.pending },
    });
  }
}
