import { untilAborted } from "./abortable.ts";
import { askRefs } from "./commit.ts";
import { mendReorg } from "./mend-reorg.ts";
import type { Run } from "./run.ts";

/** Stored blocks looked at for one that the node has reached: a chain seldom shrinks by more. */
const blocksLookedAt = 128;

/**
 * Finds out whether the chain left what is stored while nobody looked (no worker ran, or the blocks at hand have no
 * stored neighbour): the highest stored block that the node has reached must still be the node's.
 * @returns the head of the new branch that the ledger was moved to; null where nothing was left behind.
 * @throws {ReorgBeyondFinalityError}
 */
export async function mendLeftBehind(run: Run): Promise<number | null> {
  const { name, node } = run.network;
  const head = await untilAborted(node.head("latest", run.signal), run.signal);
  if (head === null) return null;
  const stored = await run.dependencies.ledger.hashesAbove(name, -1, blocksLookedAt);
  const highest = stored.find(({ number }) => number <= head.number);
  if (highest === undefined) return null;
  const [ref] = await askRefs(run, [highest.number]);
  const isLeft = ref !== undefined && ref.hash !== highest.hash;
  return isLeft ? mendReorg(run, highest.number) : null;
}

/** The same before a closed range that is not final yet; what is final was looked at by the sweep. */
export async function mendLeftBehindOf(run: Run, lastBlock: number): Promise<void> {
  const finalized = await run.finality.current();
  if (finalized === null || lastBlock > finalized) await mendLeftBehind(run);
}
