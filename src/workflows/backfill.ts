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
import { BackfillJob } from "./backfill-job.ts";
import type { BackfillInput, BackfillResult } from "./backfill-shapes.ts";
import { describeBackfill } from "./details.ts";
import { ensureGapFill, indexBulk, planChunk, registerRange } from "./effects.ts";
import { cutToDone } from "./expected-range.ts";
import { describeFault, failWith, isFault, refusal } from "./fault.ts";
import { InFlight } from "./in-flight.ts";
import type { RegisterRangeInput } from "./index-activities.ts";
import { checkBackfillInput, isConcurrency, maximumConcurrency } from "./inputs.ts";
import {
  backfillProgressQuery,
  pauseSignal,
  resumeSignal,
  setConcurrencyUpdate,
} from "./message-definitions.ts";
import { RunLimits } from "./run-limits.ts";
import { AttributeWriter, type JobStatus } from "./search-attributes.ts";
import { meterBudgets, waitForNodes } from "./wait-for-nodes.ts";

/**
 * Indexes a closed range in chunks, some side by side. Ends when every block had its attempt; blocks that failed
 * belong to gap-fill, which it starts if none runs. Cancelled, it drains and keeps what is done.
 */
export async function backfillWorkflow(input: BackfillInput): Promise<BackfillResult> {
  checkBackfillInput(input);
  const run = new BackfillRun(input);
  run.listen();
  run.show("running");
  try {
    if (!input.state) await run.register("running");
    await run.indexAll();
    await run.finish();
    return run.job.result;
  } catch (error) {
    if (isCancellation(error)) await run.stop();
    if (isFault(error)) await run.giveUp(error);
    throw error;
  }
}

/** One run of the workflow: from a start, or from the run before, to its end or the next. */
class BackfillRun {
  readonly job: BackfillJob;
  private readonly input: BackfillInput;
  private readonly limits = new RunLimits();
  private readonly inFlight = new InFlight();
  private readonly attributes = new AttributeWriter();
  private isPlanning = false;
  private isGapFillEnsured = false;
  /** Set when an effect gave up for good; nothing is started after it. */
  private fault: Error | undefined;

  constructor(input: BackfillInput) {
    this.input = input;
    this.job = new BackfillJob(input, Date.now());
  }

  listen(): void {
    setHandler(backfillProgressQuery, () => this.job.progress(Date.now()));
    const steer = (change: () => void) => {
      this.limits.countMessage();
      change();
      this.show();
    };
    setHandler(pauseSignal, () => steer(() => this.job.pause()), {
      description: "Starts no more chunks; those in flight run to their end. No body.",
    });
    setHandler(resumeSignal, () => steer(() => this.job.resume()), {
      description: "Goes on after a pause. No body.",
    });
    setHandler(
      setConcurrencyUpdate,
      (body) => {
        const concurrency = readConcurrency(body) ?? this.job.concurrency;
        steer(() => {
          this.job.concurrency = concurrency;
        });
        return { concurrency };
      },
      {
        description: 'Sets how many chunks run side by side: {"concurrency":4}',
        validator: (body) => {
          if (readConcurrency(body) === undefined) {
            throw refusal(
              `write {"concurrency":N} with a whole number from 1 to ${maximumConcurrency}`,
            );
          }
        },
      },
    );
  }

  /** Starts chunks until none are left and none are in flight, or continues as new. */
  async indexAll(): Promise<void> {
    for (;;) {
      await condition(
        () => this.mayStart || this.isHeldBack || this.isIdle || this.limits.isReached,
      );
      if (this.limits.isReached) {
        await this.inFlight.settle();
        if (!this.isIdle) await this.continueAsNew();
      }
      if (this.fault) throw this.fault;
      if (this.isIdle) return;
      if (this.mayStart) this.inFlight.start(() => this.indexNextChunk());
      else if (this.isHeldBack) await this.restNodes();
    }
  }

  /** Books the end: all blocks had their attempt. */
  async finish(): Promise<void> {
    if (this.job.result.failed > 0) await ensureGapFill({ network: this.input.network });
    await this.register("done");
    this.show("done");
  }

  /** After a cancellation: drains, then cuts the expected range to what was done (see {@link cutToDone}). */
  async stop(): Promise<void> {
    await this.inFlight.drain();
    const leftBehind = cutToDone(this.job.done, this.input.fromBlock);
    await CancellationScope.nonCancellable(async () => {
      await this.register(leftBehind.state, leftBehind);
      if (leftBehind.state === "abandoned" || this.job.result.failed > 0) {
        await ensureGapFill({ network: this.input.network });
      }
    });
    this.show("done");
  }

  /** After a fault that only a person can mend: nobody withdrew the order, so the range stays expected. */
  async giveUp(error: Error): Promise<never> {
    await this.inFlight.drain();
    try {
      await this.register("abandoned");
    } catch (second) {
      log.warn("Could not book the range as abandoned", { reason: describeFault(second) });
    }
    this.show("halted");
    throw failWith(error);
  }

  async register(state: RegisterRangeInput["state"], range: BlockRange = this.input) {
    await registerRange({
      network: this.input.network,
      processors: this.input.processors,
      fromBlock: range.fromBlock,
      toBlock: range.toBlock,
      origin: "backfill",
      workflowId: workflowInfo().workflowId,
      state,
    });
  }

  /** Brings what people see up to date. */
  show(status: JobStatus = this.job.paused ? "paused" : "running"): void {
    const progress = this.job.progress(Date.now());
    meterBudgets(this.tags, progress.nodes);
    setCurrentDetails(describeBackfill(progress));
    this.attributes.write({
      network: this.input.network,
      jobKind: "backfill",
      jobStatus: status,
      fromBlock: this.input.fromBlock,
      toBlock: this.input.toBlock,
      failedBlocks: progress.failed,
      donePercent: progress.donePercent,
    });
  }

  private get mayStart(): boolean {
    return this.wantsMore && this.job.nodes.mayBegin(this.job.concurrency, Date.now());
  }

  /** It would go on, and every node asks to be left alone. */
  private get isHeldBack(): boolean {
    return this.wantsMore && this.job.nodes.restMs(Date.now()) > 0;
  }

  private get wantsMore(): boolean {
    return (
      !this.job.paused &&
      !this.fault &&
      !this.isPlanning &&
      !this.limits.isReached &&
      !this.job.isAllHandedOut &&
      this.inFlight.size < this.job.concurrency
    );
  }

  /** Nothing runs and nothing is to come. */
  private get isIdle(): boolean {
    return this.inFlight.size === 0 && (this.job.isAllHandedOut || this.fault !== undefined);
  }

  /** Until a node may be asked again, or there is something else to do. */
  private async restNodes(): Promise<void> {
    this.show();
    const isOver = () => !this.isHeldBack || this.limits.isReached;
    await waitForNodes(this.job.nodes, this.tags, isOver);
    this.show();
  }

  private get tags() {
    return { network: this.input.network, job_kind: "backfill" };
  }

  private async indexNextChunk(): Promise<void> {
    try {
      const chunk = await this.takeChunk();
      if (chunk) await this.indexChunk(chunk);
    } catch (error) {
      if (!isFault(error)) throw error;
      this.fault = error;
      this.job.lastError = describeFault(error);
    } finally {
      this.show();
    }
  }

  /** One at a time: two plans would take the same blocks. */
  private async takeChunk(): Promise<BlockRange | undefined> {
    const { job, input } = this;
    const span = job.nextSpan;
    if (!span) return undefined;
    this.isPlanning = true;
    try {
      const planned =
        job.takePlanned() ??
        (await planChunk({
          network: input.network,
          ...span,
          order: input.order,
          gasPerChunk: job.wantedGas,
        }));
      return job.take(planned, span);
    } finally {
      this.isPlanning = false;
    }
  }

  private async indexChunk(chunk: BlockRange): Promise<void> {
    const { input, job } = this;
    this.show();
    const startedAtMs = Date.now();
    try {
      const result = await job.nodes.during(job.concurrency, (traceBudgets) =>
        indexBulk({
          v: 1,
          network: input.network,
          processors: input.processors,
          ...chunk,
          maximumBlocks: null,
          headPolicy: null,
          force: input.force,
          reason: input.reason,
          actor: input.actor,
          traceBudgets,
        }),
      );
      job.finish(chunk, result, { startedAtMs, nowMs: Date.now() });
    } catch (error) {
      job.giveBack(chunk);
      throw error;
    }
    await this.ensureGapFillOnce();
  }

  /** With the first failure of a run, so that failed blocks need not wait for the end of a long range. */
  private async ensureGapFillOnce(): Promise<void> {
    if (this.job.result.failed === 0 || this.isGapFillEnsured) return;
    this.isGapFillEnsured = true;
    await ensureGapFill({ network: this.input.network });
  }

  private async continueAsNew(): Promise<never> {
    await condition(allHandlersFinished);
    return continueAsNew<typeof backfillWorkflow>({ ...this.input, state: this.job.state });
  }
}

function readConcurrency(body: unknown): number | undefined {
  const value =
    typeof body === "object" && body !== null && "concurrency" in body ? body.concurrency : body;
  return isConcurrency(value) ? value : undefined;
}
