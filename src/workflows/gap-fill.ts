import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  metricMeter,
  setCurrentDetails,
  workflowInfo,
} from "@temporalio/workflow";
import type { BlockRange } from "../domain/block-range.ts";
import { describeGapFill, formatRange } from "./details.ts";
import { announceRecovery, findGaps, indexBulk, releaseBlocks } from "./effects.ts";
import { describeFault, faultRetryInterval, isFault } from "./fault.ts";
import type { GapBatch } from "./gap-batches.ts";
import { GapFillJob } from "./gap-fill-job.ts";
import { GapFillMessages } from "./gap-fill-messages.ts";
import type { GapFillInput } from "./gap-fill-shapes.ts";
import { InFlight } from "./in-flight.ts";
import type { IndexBlocksInput, IndexBlocksResult } from "./index-activities.ts";
import { checkGapFillInput } from "./inputs.ts";
import { RunLimits } from "./run-limits.ts";
import { AttributeWriter } from "./search-attributes.ts";
import { meterBudgets, waitForNodes } from "./wait-for-nodes.ts";

const recoveredBlocks = metricMeter.createCounter(
  "blockloom_recovered_blocks",
  undefined,
  "Blocks that gap-fill made complete.",
);

/** Batches that one scan plans at most: enough to keep busy, few enough to see what changed meanwhile. */
const batchesPerScan = 10;
/** Calls at once: one for requeues, one for gaps. */
const lanes = 2;

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

/** One run of the workflow: from a start, or from the run before, to the next. */
class GapFillRun {
  private readonly input: GapFillInput;
  private readonly job: GapFillJob;
  private readonly limits = new RunLimits();
  private readonly inFlight = new InFlight();
  private readonly attributes = new AttributeWriter();
  /** Counts what may end a rest early. */
  private nudges = 0;

  constructor(input: GapFillInput) {
    this.input = input;
    this.job = new GapFillJob(input, Date.now());
  }

  listen(): void {
    const messages = new GapFillMessages(this.job, this.input.processors, (change) =>
      this.steer(change),
    );
    messages.listen();
  }

  /** Two lanes side by side, so that a person's requeue never waits for the batch of a scan. */
  async fill(): Promise<never> {
    this.inFlight.start(() => this.repeat(() => this.indexRequeued()));
    this.inFlight.start(() => this.repeat((nudgesSeen) => this.scanAndFill(nudgesSeen)));
    await condition(() => this.limits.isReached);
    await this.inFlight.settle();
    await condition(allHandlersFinished);
    return continueAsNew<typeof gapFillWorkflow>({ ...this.input, state: this.job.state });
  }

  /** After a cancellation: drains. What was requeued and not done is dropped with the job, and said. */
  async stop(): Promise<void> {
    await this.inFlight.drain();
    const dropped = this.job.requeues.pending.map(formatRange);
    if (dropped.length > 0) log.warn("Stopped with requeued blocks not done", { dropped });
    this.show("done");
  }

  /** Brings what people see up to date. */
  show(ended?: "done"): void {
    const progress = this.job.progress(Date.now());
    meterBudgets(this.tags, progress.nodes);
    setCurrentDetails(describeGapFill(progress));
    const waiting = progress.halted ? "halted" : "waiting";
    const moving = progress.waitingFor === null ? "running" : waiting;
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

  /** Every message is also a nudge: what rests or stands still over a fault goes on. */
  private steer(change: () => void): void {
    this.limits.countMessage();
    this.nudges += 1;
    change();
    this.show();
  }

  /** Repeats a step while this run lasts and nobody paused it; a fault is shown and tried again. */
  private async repeat(step: (nudgesSeen: number) => Promise<void>): Promise<void> {
    for (;;) {
      await condition(() => !this.job.isPaused || this.limits.isReached);
      if (this.limits.isReached) return;
      // Counted before the step: a message that comes in the middle of it ends the rest after it.
      const nudgesSeen = this.nudges;
      try {
        await step(nudgesSeen);
      } catch (error) {
        if (!isFault(error)) throw error;
        await this.waitForMending(describeFault(error), nudgesSeen);
      } finally {
        this.show();
      }
    }
  }

  private async indexRequeued(): Promise<void> {
    const { job, limits, input } = this;
    await condition(() => !job.requeues.isEmpty || job.isPaused || limits.isReached);
    if (job.isPaused || limits.isReached || (await this.hasRested())) return;
    const range = job.requeues.take(input.batchBlocks);
    if (!range) return;
    this.show();
    try {
      const call = {
        ...this.callFor(range),
        ...range,
        actor: range.actor || this.ownName,
        force: true,
        stopAtHead: true,
      };
      const result = await this.index(call, "requeue");
      job.finishRequeued(range, result, CancellationScope.current().consideredCancelled);
    } catch (error) {
      job.requeues.putDown(range.fromBlock);
      throw error;
    }
  }

  private async scanAndFill(nudgesSeen: number): Promise<void> {
    const { network, processors, batchBlocks } = this.input;
    await this.releaseAll();
    const gaps = await findGaps({ network, processors, limit: batchBlocks * batchesPerScan });
    const isAnnounced = gaps.isAnnounced === true;
    const hasMoved = await this.fillBatches(this.job.planScan(gaps, Date.now()), isAnnounced);
    if (hasMoved) return;
    await this.waitForNudge(nudgesSeen, this.job.startRest(Date.now()), "next scan");
  }

  private async releaseAll(): Promise<void> {
    const { network, processors } = this.input;
    const { releases } = this.job;
    for (let next = releases.first; next; next = releases.first) {
      const { released } = await releaseBlocks({ network, processors, ...next });
      log.info("Released blocks", { released });
      // A call frees a bounded number: a kind is done with when nothing of it is left.
      if (next.kind === undefined || released === 0) releases.remove(next);
    }
  }

  /** @returns whether the next scan would find something else. */
  private async fillBatches(batches: readonly GapBatch[], isAnnounced: boolean): Promise<boolean> {
    const { job, limits } = this;
    let hasMoved = false;
    for (const batch of batches) {
      if (job.isPaused || limits.isReached || job.releases.first) return true;
      if (await this.hasRested()) return true;
      job.restsUntil = null;
      job.batchInHand = batch;
      this.show();
      try {
        const call = { ...this.callFor(batch), reason: batch.reason, force: batch.force };
        const result = await this.index(call, "gapFill");
        const before = job.recovered;
        hasMoved = job.finishBatch(batch, result) || hasMoved;
        const recovered = job.recovered - before;
        if (recovered > 0) recoveredBlocks.add(recovered, { network: this.input.network });
        if (recovered > 0 && isAnnounced) this.announce(batch, result, recovered);
      } finally {
        job.batchInHand = undefined;
      }
    }
    return hasMoved;
  }

  /** One call, with what the job decided of the nodes; it tells what it heard of them. */
  private async index(
    input: IndexBlocksInput & BlockRange,
    priority: "requeue" | "gapFill",
  ): Promise<IndexBlocksResult> {
    return this.job.nodes.during(lanes, (traceBudgets) =>
      indexBulk({ ...input, traceBudgets }, priority),
    );
  }

  /** Waits while every node asks to be left alone. @returns whether it did: much may have changed meanwhile. */
  private async hasRested(): Promise<boolean> {
    const { job, limits } = this;
    if (job.nodes.restMs(Date.now()) === 0) return false;
    job.isHeldBack = true;
    this.show();
    await waitForNodes(job.nodes, this.tags, () => job.isPaused || limits.isReached);
    job.isHeldBack = false;
    return true;
  }

  private get tags() {
    return { network: this.input.network, job_kind: "gap-fill" };
  }

  /** Beside the work: a receiver that is away delays nothing. */
  private announce({ fromBlock, toBlock }: GapBatch, result: IndexBlocksResult, recovered: number) {
    const { network, processors } = this.input;
    const failed = result.failed.map(({ blockNumber }) => blockNumber);
    this.inFlight.start(async () => {
      try {
        await announceRecovery({ network, processors, fromBlock, toBlock, recovered, failed });
      } catch (error) {
        if (isCancellation(error)) throw error;
        log.warn("Nobody was told of recovered blocks", { fromBlock, toBlock });
      }
    });
  }

  private callFor({ fromBlock, toBlock }: BlockRange): IndexBlocksInput & BlockRange {
    return {
      v: 1,
      network: this.input.network,
      processors: this.input.processors,
      fromBlock,
      toBlock,
      maximumBlocks: null,
      headPolicy: null,
      force: false,
      reason: "",
      actor: this.ownName,
    };
  }

  private get ownName(): string {
    return workflowInfo().workflowId;
  }

  /** Tries again by itself, because the mending cannot be seen from here. */
  private async waitForMending(fault: string, nudgesSeen: number): Promise<void> {
    this.job.fault = fault;
    this.job.noteError(fault);
    this.show();
    await this.waitForNudge(nudgesSeen, faultRetryInterval, "tries again");
    this.job.fault = null;
  }

  private async waitForNudge(seen: number, timeout: "1 minute" | number, summary: string) {
    this.show();
    await condition(() => this.nudges !== seen || this.limits.isReached, timeout, { summary });
  }
}
