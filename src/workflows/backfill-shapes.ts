import type { BlockRange } from "../domain/block-range.ts";
import type { JobBudget } from "../domain/node-budget.ts";
import type { Processor } from "../domain/processor.ts";
import type { Waiting } from "./waiting.ts";

export type BackfillInput = {
  readonly v: 1;
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly order: "oldest-first" | "newest-first";
  /** Chunks in flight. */
  readonly concurrency: number;
  /** Trace again what is complete already. */
  readonly force: boolean;
  /** Wanted duration of a chunk. */
  readonly chunkSeconds: number;
  readonly reason: string;
  readonly actor: string;
  readonly state?: BackfillState;
};

export type BackfillState = {
  /** Blocks not handed out yet. */
  readonly left: readonly BlockRange[];
  readonly paused: boolean;
  readonly concurrency: number;
  /** Gas that one chunk should hold, learnt from finished chunks; null before the first. */
  readonly gasPerChunk: number | null;
  readonly blocks: number;
  readonly transactions: number;
  readonly rows: number;
  readonly failed: number;
  readonly startedAt: string;
  readonly lastError: string | null;
  /** What was decided of nodes that refused; absent: none did. */
  readonly budget?: JobBudget;
};

export type BackfillResult = {
  readonly blocks: number;
  readonly transactions: number;
  readonly rows: number;
  readonly failed: number;
};

export type BackfillProgress = Waiting & {
  readonly network: string;
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly totalBlocks: number;
  readonly doneBlocks: number;
  readonly donePercent: number;
  readonly blocksPerSecond: number;
  readonly rowsPerSecond: number;
  /** null while unknown. */
  readonly etaSeconds: number | null;
  readonly inFlight: readonly BlockRange[];
  readonly transactions: number;
  readonly rows: number;
  readonly failed: number;
  readonly concurrency: number;
  readonly paused: boolean;
  readonly lastError: string | null;
};
