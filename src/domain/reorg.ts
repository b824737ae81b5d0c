import type { BlockRef, Hex } from "./chain.ts";

/** What comparing stored hashes with the node's has found so far. */
export type BranchComparison = {
  /** The highest number below `suspect` at which both agree; null while none is found. */
  readonly ancestor: number | null;
  /** Stored numbers that the node's chain contradicts or does not reach, newest first. */
  readonly stale: readonly number[];
};

/**
 * Compares a batch of stored hashes with the node's. A match below the suspect ends the search: hashes chain, so
 * everything beneath it agrees too.
 * @param stored - stored blocks, newest first.
 * @param chain - the node's blocks of those numbers; one that is absent is not reached by its chain.
 * @param suspect - number of the block whose parent did not fit.
 */
export function compareBranches(
  before: BranchComparison,
  {
    stored,
    chain,
    suspect,
  }: {
    readonly stored: readonly BlockRef[];
    readonly chain: readonly BlockRef[];
    readonly suspect: number;
  },
): BranchComparison {
  const hashes = new Map(chain.map((ref) => [ref.number, ref.hash]));
  const stale = [...before.stale];
  for (const { number, hash } of stored) {
    if (hashes.get(number) !== hash) stale.push(number);
    else if (number < suspect) return { ancestor: number, stale };
  }
  return { ancestor: null, stale };
}

export const nothingCompared: BranchComparison = { ancestor: null, stale: [] };

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
  { ancestor, stale }: BranchComparison,
  { suspect, head }: { readonly suspect: number; readonly head: number },
): ReorgPlan {
  const numbers = [...new Set([...stale, suspect])].toSorted((a, b) => a - b);
  const lowest = numbers[0] ?? suspect;
  const shared = ancestor ?? lowest - 1;
  return {
    ancestor: shared,
    depth: Math.max((stale[0] ?? shared) - shared, 0),
    reindex: numbers.filter((number) => number <= head),
    retract: numbers.filter((number) => number > head && stale.includes(number)),
  };
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
 * The block up to which the chain is final; null = nothing is.
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
  if (finalityDepth === null) return finalized;
  if (head === null || head < finalityDepth) return null;
  return head - finalityDepth;
}
