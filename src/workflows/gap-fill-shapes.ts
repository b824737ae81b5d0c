import type { BlockRange } from "../domain/block-range.ts";
import type { JobBudget } from "../domain/node-budget.ts";
import type { Processor } from "../domain/processor.ts";
import type { ReleaseRequest } from "./messages.ts";
import type { Waiting } from "./waiting.ts";

export type GapFillInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly scanIntervalMs: number;
  /** Blocks handed to one indexBlocks at most. */
  readonly batchBlocks: number;
  readonly state?: GapFillState;
};

export type GapFillState = {
  readonly paused: boolean;
  readonly requeued: readonly RequeuedRange[];
  readonly released: readonly ReleaseRequest[];
  readonly recovered: number;
  /** Blocks whose requeue had its attempt. */
  readonly requeuedDone: number;
  readonly failed: number;
  readonly lastRefusal: string;
  readonly startedAt: string;
  readonly lastError: string | null;
  /** What was decided of nodes that refused; absent: none did. */
  readonly budget?: JobBudget;
};

/** Blocks of one request that wait for their turn or are in hand. */
export type RequeuedRange = BlockRange & {
  readonly processors: readonly Processor[];
  readonly reason: string;
  readonly actor: string;
};

export type GapFillProgress = Waiting & {
  readonly network: string;
  readonly missing: number;
  readonly failedWaiting: number;
  readonly quarantined: number;
  readonly requeued: number;
  readonly inFlight: readonly BlockRange[];
  readonly recovered: number;
  readonly requeuedDone: number;
  readonly failed: number;
  readonly nextDueAt: string | null;
  readonly paused: boolean;
  readonly lastError: string | null;
  readonly lastRefusal: string;
};
