import { log } from "@temporalio/activity";
import { judgeSweep } from "../../domain/reorg.ts";
import { askRefs } from "./commit.ts";
import { mendReorg } from "./mend-reorg.ts";
import type { Run } from "./run.ts";

/** Stored blocks that one sweep compares at most: five requests to the node, so that a head does not wait long. */
const blocksPerSweep = 500;

export type Sweep = {
  /** Whether nothing is left that could be compared now. */
  readonly isDone: boolean;
  /** The head of the chain that a mending moved the ledger to; null where all was as stored. */
  readonly mendedTo: number | null;
};

/**
 * Compares stored blocks once more, number to hash, now that finality has passed them, and mends what differs like a
 * reorg. Bounded: a long backlog takes several calls, each going on where the last one stood.
 * @throws {ReorgBeyondFinalityError}
 */
export async function sweepFinality(run: Run): Promise<Sweep> {
  const { isDone, stale } = await compareSwept(run);
  return { isDone, mendedTo: stale === null ? null : await mendReorg(run, stale) };
}

/**
 * The comparing alone: moves the mark as far as all agrees.
 * @returns the lowest stored block that is not the final chain's; null = none was found.
 */
export async function compareSwept(
  run: Pick<Run, "network" | "dependencies" | "finality" | "signal">,
): Promise<{ readonly isDone: boolean; readonly stale: number | null }> {
  const finalized = await run.finality.current();
  const swept = (await run.finality.swept()) ?? -1;
  if (finalized === null || finalized <= swept) return { isDone: true, stale: null };
  const range = { fromBlock: swept + 1, toBlock: finalized };
  const { ledger } = run.dependencies;
  const stored = await ledger.hashesIn(run.network.name, range, blocksPerSweep);
  // A number may stand twice where processors disagree: the last one of a full batch may have been cut.
  const isWhole = stored.length < blocksPerSweep;
  const lastBlock = isWhole ? finalized : (stored.at(-1)?.number ?? finalized) - 1;
  const numbers = [...new Set(stored.map(({ number }) => number))];
  const { stale, sweptTo } = judgeSweep({ stored, chain: await askRefs(run, numbers), lastBlock });
  if (sweptTo > swept) await run.finality.raiseSwept(sweptTo);
  if (stale === null) return { isDone: sweptTo <= swept || isWhole, stale };
  log.warn("Finality passed a block that is not the stored one", {
    network: run.network.name,
    blockNumber: stale,
    finalized,
  });
  return { isDone: false, stale };
}
