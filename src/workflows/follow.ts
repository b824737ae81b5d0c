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
import type { HeadPolicy } from "../domain/chain.ts";
import { acceptReorgHelp, readAcceptReorg } from "./accept-reorg.ts";
import { describeFollow } from "./details.ts";
import { ensureGapFill, findFollowStart, indexHead, registerRange } from "./effects.ts";
import { emptyRangeAt } from "./expected-range.ts";
import { describeFault, faultRetryInterval, isFault, refusal } from "./fault.ts";
import type { FollowInput, FollowProgress, FollowState } from "./follow-shapes.ts";
import { startFollowState, withResult } from "./follow-state.ts";
import { headPolicyHelp, readHeadPolicy } from "./head-policy.ts";
import { InFlight } from "./in-flight.ts";
import type { IndexBlocksInput, IndexBlocksResult } from "./index-activities.ts";
import { checkFollowInput } from "./inputs.ts";
import {
  acceptReorgUpdate,
  followProgressQuery,
  pauseSignal,
  resumeSignal,
  setHeadPolicyUpdate,
} from "./message-definitions.ts";
import type { AcceptReorgRequest } from "./messages.ts";
import { NodeBudgets } from "./node-budgets.ts";
import { RunLimits } from "./run-limits.ts";
import { AttributeWriter } from "./search-attributes.ts";
import { meterBudgets, waitForNodes } from "./wait-for-nodes.ts";

/** Blocks of one call while catching up; at the head a call ends by itself after 30 s. */
const maximumBlocksPerCall = 1000;

/** Indexes every new block as it comes. Ends only by cancellation: then it drains and keeps what is done. */
export async function followWorkflow(input: FollowInput): Promise<void> {
  checkFollowInput(input);
  const run = new FollowRun(input);
  run.listen();
  run.show();
  try {
    await run.follow();
  } catch (error) {
    if (isCancellation(error)) await run.stop();
    throw error;
  }
}

/** One run of the workflow: from a start, or from the run before, to the next. */
class FollowRun {
  private readonly input: FollowInput;
  private state: FollowState;
  private headPolicy: HeadPolicy | null;
  private readonly nodes: NodeBudgets;
  private readonly limits = new RunLimits();
  private readonly inFlight = new InFlight();
  private readonly attributes = new AttributeWriter();
  /** What a person has to mend; null while there is nothing. */
  private fault: string | null = null;

  constructor(input: FollowInput) {
    this.input = input;
    this.headPolicy = input.headPolicy;
    this.nodes = new NodeBudgets(input.state?.budget);
    this.state = input.state ?? startFollowState(new Date());
  }

  listen(): void {
    setHandler(followProgressQuery, () => this.progress);
    setHandler(pauseSignal, () => this.steer({ paused: true }), {
      description: "Asks for no more blocks; the call in flight runs to its end. No body.",
    });
    setHandler(resumeSignal, () => this.steer({ paused: false }), {
      description: "Goes on after a pause, or at once after an error that was mended. No body.",
    });
    setHandler(
      setHeadPolicyUpdate,
      (body) => {
        const headPolicy = readHeadPolicy(body);
        if (!headPolicy) throw refusal(headPolicyHelp);
        this.headPolicy = headPolicy;
        this.steer({});
        return { headPolicy };
      },
      {
        description: 'Which head to follow, from the next call on: {"headPolicy":"safe"}',
        validator: (body) => {
          if (!readHeadPolicy(body)) throw refusal(headPolicyHelp);
        },
      },
    );
    setHandler(acceptReorgUpdate, (body) => this.acceptReorg(body), {
      description: `Follows a reorg beneath finality on a person's word: ${acceptReorgHelp}`,
      validator: (body) => {
        if (!readAcceptReorg(body)) throw refusal(acceptReorgHelp);
      },
    });
  }

  async follow(): Promise<never> {
    for (;;) {
      await condition(() => !this.state.paused || this.limits.isReached);
      if (this.limits.isReached) await this.continueAsNew();
      if (await this.hasRested()) continue;
      this.inFlight.start(() => this.indexOnce());
      await condition(() => this.inFlight.size === 0 || this.limits.isReached);
      await this.inFlight.settle();
      if (this.fault !== null) await this.waitForMending();
    }
  }

  /** After a cancellation: drains, then closes the expected range at the last block done. */
  async stop(): Promise<void> {
    await this.inFlight.drain();
    const { firstBlock, nextBlock } = this.state;
    if (firstBlock !== null && nextBlock !== null) {
      const range =
        nextBlock > firstBlock
          ? { fromBlock: firstBlock, toBlock: nextBlock - 1 }
          : emptyRangeAt(firstBlock);
      await CancellationScope.nonCancellable(() => this.register({ ...range, state: "done" }));
    }
    this.show("done");
  }

  /** Brings what people see up to date. */
  show(ended?: "done"): void {
    const { progress } = this;
    meterBudgets(this.tags, progress.nodes);
    setCurrentDetails(describeFollow(progress));
    const moving = this.fault === null ? "running" : "halted";
    this.attributes.write({
      network: this.input.network,
      jobKind: "follow",
      jobStatus: ended ?? (this.state.paused ? "paused" : moving),
      fromBlock: this.state.firstBlock,
      toBlock: null,
      failedBlocks: this.state.failed,
      donePercent: null,
    });
  }

  private get progress(): FollowProgress {
    const { nextBlock, head, paused, blocks, rows, failed, reorgs, lastError } = this.state;
    const lag = head === null || nextBlock === null ? null : Math.max(0, head - nextBlock + 1);
    const isStill = this.inFlight.size === 0;
    const isPausedAndStill = paused && isStill;
    const nodes = this.nodes.progress(Date.now());
    const rest = isStill ? this.nodes.waitingFor(Date.now()) : null;
    return {
      network: this.input.network,
      headPolicy: this.headPolicy,
      nextBlock,
      head,
      lag,
      paused,
      blocks,
      rows,
      failed,
      reorgs,
      lastError,
      waitingFor: isPausedAndStill
        ? "resume (paused)"
        : this.fault
          ? `somebody to mend this: ${this.fault}`
          : rest,
      halted: this.fault !== null,
      ...(nodes && { nodes }),
    };
  }

  /** Every message is also a nudge: what stood still over a fault tries again. */
  private steer(change: Partial<FollowState>): void {
    this.limits.countMessage();
    this.state = { ...this.state, ...change };
    this.fault = null;
    this.show();
  }

  /** The handler of the update; its validator has refused what cannot be read. */
  private acceptReorg(body: unknown): AcceptReorgRequest {
    const accepted = readAcceptReorg(body);
    if (!accepted) throw refusal(acceptReorgHelp);
    log.warn("A person accepted a reorg beneath finality", { ...accepted });
    this.steer({ accepted });
    return accepted;
  }

  /** Waits while every node asks to be left alone. @returns whether it did: much may have changed meanwhile. */
  private async hasRested(): Promise<boolean> {
    if (this.nodes.restMs(Date.now()) === 0) return false;
    this.show();
    const isOver = () => this.state.paused || this.limits.isReached;
    await waitForNodes(this.nodes, this.tags, isOver);
    return true;
  }

  private get tags() {
    return { network: this.input.network, job_kind: "follow" };
  }

  private async indexOnce(): Promise<void> {
    // A word counts for one call: what that finds may need another one.
    const { accepted } = this.state;
    this.state = { ...this.state, accepted: null };
    try {
      const fromBlock = await this.findNextBlock();
      const input: IndexBlocksInput = {
        v: 1,
        network: this.input.network,
        processors: this.input.processors,
        fromBlock,
        toBlock: null,
        maximumBlocks: maximumBlocksPerCall,
        headPolicy: this.headPolicy,
        force: false,
        reason: "follow",
        actor: accepted?.actor || workflowInfo().workflowId,
        ...(accepted && {
          acceptedReorg: { fromBlock: accepted.fromBlock, blockHash: accepted.blockHash },
        }),
      };
      const result = await this.nodes.during(1, (traceBudgets) =>
        indexHead({ ...input, traceBudgets }),
      );
      this.book(result);
      // It came back before it could act on the word.
      if (result.restMs !== undefined && accepted) {
        this.state = { ...this.state, accepted: this.state.accepted ?? accepted };
      }
      if (result.failedCount > 0) await ensureGapFill({ network: this.input.network });
    } catch (error) {
      if (!isFault(error)) throw error;
      this.fault = describeFault(error);
      this.state = { ...this.state, lastError: this.fault };
    } finally {
      this.show();
    }
  }

  /** The next block; at the very start it is found and the open range becomes an expected one. */
  private async findNextBlock(): Promise<number> {
    if (this.state.nextBlock !== null) return this.state.nextBlock;
    const { network, processors, startBlock } = this.input;
    const fromBlock =
      startBlock ??
      (await findFollowStart({ network, processors, headPolicy: this.headPolicy })).nextBlock;
    await this.register({ fromBlock, toBlock: null, state: "running" });
    this.state = { ...this.state, firstBlock: fromBlock, nextBlock: fromBlock };
    return fromBlock;
  }

  private book(result: IndexBlocksResult): void {
    this.state = withResult(this.state, result);
    for (const reorg of result.reorgs) log.info("The chain was reorganised", { ...reorg });
  }

  /** Tries again by itself, because the mending cannot be seen from here. */
  private async waitForMending(): Promise<void> {
    await condition(() => this.fault === null || this.limits.isReached, faultRetryInterval, {
      summary: "tries again",
    });
    this.fault = null;
    this.show();
  }

  private async register(range: {
    fromBlock: number;
    toBlock: number | null;
    state: "running" | "done";
  }): Promise<void> {
    await registerRange({
      network: this.input.network,
      processors: this.input.processors,
      ...range,
      origin: "follow",
      workflowId: workflowInfo().workflowId,
    });
  }

  private async continueAsNew(): Promise<never> {
    await condition(allHandlersFinished);
    const budget = this.nodes.state;
    return continueAsNew<typeof followWorkflow>({
      ...this.input,
      headPolicy: this.headPolicy,
      state: { ...this.state, ...(budget && { budget }) },
    });
  }
}
