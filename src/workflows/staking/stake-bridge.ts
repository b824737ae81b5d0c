import { type RawValue, rawValueTypeInfo } from "@temporalio/common";
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setCurrentDetails,
  setHandler,
} from "@temporalio/workflow";
import { refusal } from "../fault.ts";
import { RunLimits } from "../run-limits.ts";
import { StakeAttributes } from "./attributes.ts";
import { describeBridge } from "./bridge-details.ts";
import { pumpStream } from "./bridge-effects.ts";
import type { StakeBridgeInput, StakeBridgeProgress, StakeBridgeState } from "./bridge-shapes.ts";
import { addResult, emptyTotals } from "./bridge-totals.ts";
import { stakeMessageNames } from "./messages.ts";
import type { StreamQueue } from "./stake-activities.ts";

/** Long enough for few events of history, short enough for a pause to be felt. */
const secondsPerCall = 30;
/** While it is paused the stream is only looked at, so that monitors see the loop alive. */
const pausedInterval = "20 seconds";
/** Before entries whose start failed are tried again. */
const retryInterval = "10 seconds";

/** Not decoded by the SDK: a body that is no JSON would stop the workflow for ever. */
const undecoded = { typeInfo: { inputTypes: [rawValueTypeInfo, rawValueTypeInfo] } };
const pauseSignal = defineSignal<RawValue[]>(stakeMessageNames.pause, undecoded);
const resumeSignal = defineSignal<RawValue[]>(stakeMessageNames.resume, undecoded);
const progressQuery = defineQuery<StakeBridgeProgress>(stakeMessageNames.progress);

/** Turns the producer's Redis stream into request workflows, for ever. Ends only by cancellation, and loses nothing. */
export async function stakeBridgeWorkflow(input: StakeBridgeInput): Promise<void> {
  checkInput(input);
  const run = new BridgeRun(input);
  run.listen();
  run.show();
  await run.serve();
}

class BridgeRun {
  private readonly input: StakeBridgeInput;
  private state: StakeBridgeState;
  private readonly limits = new RunLimits();
  private readonly attributes: StakeAttributes;
  private postponed = 0;
  private queue: StreamQueue | null = null;

  constructor(input: StakeBridgeInput) {
    this.input = input;
    this.attributes = new StakeAttributes("stake-bridge", input.chainId);
    this.state = input.state ?? {
      paused: false,
      startedAt: new Date().toISOString(),
      totals: emptyTotals,
    };
  }

  listen(): void {
    setHandler(progressQuery, () => this.progress);
    setHandler(pauseSignal, () => this.steer(true), {
      description: "Starts no more requests; the call in flight runs to its end. No body.",
    });
    setHandler(resumeSignal, () => this.steer(false), {
      description: "Goes on after a pause. No body.",
    });
  }

  async serve(): Promise<never> {
    for (;;) {
      if (this.limits.isReached) await this.continueAsNew();
      const wasPaused = this.state.paused;
      const result = await pumpStream({
        chainId: this.input.chainId,
        maximumSeconds: wasPaused ? 0 : secondsPerCall,
      });
      this.state = { ...this.state, totals: addResult(this.state.totals, result) };
      this.postponed = result.postponed;
      this.queue = result.queue;
      this.show();
      if (wasPaused) await this.pauseUntil(() => !this.state.paused, pausedInterval);
      else if (result.postponed > 0) await this.pauseUntil(() => false, retryInterval);
    }
  }

  show(): void {
    setCurrentDetails(describeBridge(this.progress));
    this.attributes.write(this.state.paused ? "paused" : "running");
  }

  private get progress(): StakeBridgeProgress {
    const { paused, startedAt, totals } = this.state;
    return {
      chainId: this.input.chainId,
      paused,
      startedAt,
      totals,
      postponed: this.postponed,
      queue: this.queue,
      waitingFor: paused ? "resume (paused)" : null,
    };
  }

  private steer(paused: boolean): void {
    this.limits.countMessage();
    this.state = { ...this.state, paused };
    this.show();
  }

  private async pauseUntil(isOver: () => boolean, interval: "20 seconds" | "10 seconds") {
    await condition(() => isOver() || this.limits.isReached, interval);
  }

  private continueAsNew(): Promise<never> {
    return continueAsNew<typeof stakeBridgeWorkflow>({ ...this.input, state: this.state });
  }
}

/** @throws RequestRefusedError (as a failure of the workflow) where the input cannot be run. */
function checkInput(input: StakeBridgeInput): void {
  if (typeof input !== "object" || input === null) throw refusal("the input is not an object");
  if (input.v !== 1) throw refusal(`this worker reads inputs of version 1, not ${String(input.v)}`);
  if (!Number.isSafeInteger(input.chainId) || input.chainId < 1) {
    throw refusal("chainId is not a whole number of 1 or more");
  }
}
