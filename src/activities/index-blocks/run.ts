import type { Resumption } from "../../domain/checkpoint.ts";
import type { LedgerOrigin } from "../../domain/ledger-transition.ts";
import type { Processor } from "../../domain/processor.ts";
import type { IndexBlocksInput } from "../../workflows/index-activities.ts";
import type { Dependencies, Network } from "../ports.ts";
import type { CallNodes } from "./call-nodes.ts";
import type { Finality } from "./finality.ts";
import type { Heart } from "./heart.ts";
import type { LedgerView } from "./ledger-view.ts";
import type { Progress } from "./progress.ts";
import type { RowPipe } from "./row-pipe.ts";
import type { TraceEngine } from "./trace-engine.ts";

/** What the parts of one run of `indexBlocks` share. */
export type Run = {
  readonly dependencies: Dependencies;
  readonly network: Network;
  /** Where blocks are fetched and traced. */
  readonly nodes: CallNodes;
  readonly input: IndexBlocksInput;
  readonly processors: readonly Processor[];
  readonly clientVersion: string;
  readonly origin: LedgerOrigin;
  /** Attempt of the activity, from 1. */
  readonly activityAttempt: number;
  /** Fires at cancellation and at the worker's shutdown. */
  readonly signal: AbortSignal;
  readonly heart: Heart;
  readonly progress: Progress;
  readonly view: LedgerView;
  readonly finality: Finality;
  readonly pipe: RowPipe;
  readonly engine: TraceEngine;
  /** What the last attempt's checkpoint says of the block that it had in hand. */
  readonly resumption: Resumption;
};

/** What of a run one trace of one block needs. */
export type Tracing = Pick<Run, "network" | "signal" | "engine" | "pipe"> & {
  readonly dependencies: Pick<Dependencies, "newAttemptId" | "meters">;
  /** Whether stacks are asked for whatever they cost; absent: by what the network stores, else by their cost. */
  readonly stacks?: boolean;
};

/** Processors that a block is to be traced for: those without a complete row, or all where it is forced. */
export function wantedProcessors(run: Run, blockNumber: number): readonly Processor[] {
  if (run.input.force) return run.processors;
  return run.processors.filter((processor) => !run.view.isComplete(blockNumber, processor));
}

/** Says in the heartbeat which block is being traced, and how many attempts were lost with it. */
export function takeInHand(run: Run, blockNumber: number): void {
  const { resumption } = run;
  const isSuspect = resumption.kind === "suspect" && resumption.inHand.blockNumber === blockNumber;
  run.heart.takeInHand(isSuspect ? resumption.inHand : { blockNumber, lostAttempts: 0 });
}
