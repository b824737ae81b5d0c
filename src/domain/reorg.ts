import type { BlockRef, Hex } from "./chain.ts";

/** What comparing stored hashes with the node's has found. */
export type BranchComparison = {
  /** The highest stored block below the suspect at which both agree; null while none is found. */
  readonly ancestor: BlockRef | null;
  /** The highest stored block at which both agree: above the suspect where the ledger holds blocks of the new branch. */
  readonly highest: BlockRef | null;
  /** Stored numbers that the node's chain contradicts or does not reach, newest first. */
  readonly stale: readonly number[];
};

/**
 * Compares stored hashes with the node's. A match below the suspect ends the search: hashes chain, so everything
 * beneath it agrees too.
 * @param stored - stored blocks, newest first; a number may stand twice where processors disagree.
 * @param chain - the node's blocks of those numbers; one that is absent is not reached by its chain.
 * @param suspect - number of the block whose parent did not fit.
 */
export function compareBranches({
  stored,
  chain,
  suspect,
}: {
  readonly stored: readonly BlockRef[];
  readonly chain: readonly BlockRef[];
  readonly suspect: number;
}): BranchComparison {
  const contradicted = new Set(movedBlocks(stored, chain));
  const highest = stored.find(({ number }) => !contradicted.has(number)) ?? null;
  const stale = new Set<number>();
  for (const ref of stored) {
    if (contradicted.has(ref.number)) stale.add(ref.number);
    else if (ref.number < suspect) return { ancestor: ref, highest, stale: [...stale] };
  }
  return { ancestor: null, highest, stale: [...stale] };
}

/** How a found fork is mended. */
export type ReorgPlan = {
  /** The last block that both branches share; one below the lowest stale block where no stored one is shared. */
  readonly ancestor: number;
  /** Stored blocks that left the chain, counted from the ancestor. */
  readonly depth: number;
  /** Numbers to index on the new branch, oldest first. */
  readonly reindex: readonly number[];
  /** Stored numbers that the new branch does not reach yet, oldest first. */
  readonly retract: readonly number[];
};

/**
 * Plans the one ledger insert that moves the ledger to the node's branch.
 * @param suspect - the block whose parent did not fit: it belongs to the new branch and is indexed with it.
 * @param head - the highest block of the new branch; `suspect` or above, or below it where the chain shrank.
 */
export function planReorg(
  { ancestor, stale }: Omit<BranchComparison, "highest">,
  { suspect, head }: { readonly suspect: number; readonly head: number },
): ReorgPlan {
  const numbers = [...new Set([...stale, suspect])].toSorted((a, b) => a - b);
  const lowest = numbers[0] ?? suspect;
  const shared = ancestor?.number ?? lowest - 1;
  return {
    ancestor: shared,
    depth: Math.max((stale[0] ?? shared) - shared, 0),
    reindex: numbers.filter((number) => number <= head),
    retract: numbers.filter((number) => number > head && stale.includes(number)),
  };
}

/** Whether a block may stand on the one below it: unknown neighbours contradict nothing. */
export function chains(
  below: Pick<BlockRef, "number" | "hash"> | undefined,
  ref: Pick<BlockRef, "number" | "parentHash">,
): boolean {
  return below?.number !== ref.number - 1 || below.hash === ref.parentHash;
}

/** The numbers of blocks that are no longer where they were read: their hash changed or they are gone. */
export function movedBlocks(
  read: readonly { readonly number: number; readonly hash: Hex }[],
  chain: readonly BlockRef[],
): number[] {
  const hashes = new Map(chain.map((ref) => [ref.number, ref.hash]));
  return read.filter(({ number, hash }) => hashes.get(number) !== hash).map(({ number }) => number);
}

/**
 * The block up to which the chain is final; null = nothing is. A node that calls a block above its own head final is
 * not believed: the highest seen never sinks again.
 * @param finalityDepth - blocks behind the head that count as final, for chains without finality; null = ask the node.
 */
export function finalizedBy({
  finalityDepth,
  finalized,
  head,
}: {
  readonly finalityDepth: number | null;
  readonly finalized: number | null;
  readonly head: number | null;
}): number | null {
  if (head === null) return null;
  if (finalityDepth === null) return finalized !== null && finalized <= head ? finalized : null;
  if (head < finalityDepth) return null;
  return head - finalityDepth;
}

/** What a sweep found in a batch of stored blocks that finality has passed. */
export type SweepVerdict = {
  /** The lowest number at which the node has another block; null if none. */
  readonly stale: number | null;
  /** All up to here agree with the node; below the batch where the first does not. */
  readonly sweptTo: number;
};

/**
 * Compares a batch of stored blocks with the final chain. A block that the node does not answer is unknown, not gone:
 * the sweep stands still in front of it.
 * @param stored - oldest first; complete up to and including `lastBlock`.
 */
export function judgeSweep({
  stored,
  chain,
  lastBlock,
}: {
  readonly stored: readonly BlockRef[];
  readonly chain: readonly BlockRef[];
  readonly lastBlock: number;
}): SweepVerdict {
  const hashes = new Map(chain.map((ref) => [ref.number, ref.hash]));
  for (const { number, hash } of stored) {
    const own = hashes.get(number);
    if (own !== hash) return { stale: own === undefined ? null : number, sweptTo: number - 1 };
  }
  return { stale: null, sweptTo: lastBlock };
}
