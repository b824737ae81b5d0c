/** A closed range of block numbers: both ends belong to it. */
export type BlockRange = { readonly fromBlock: number; readonly toBlock: number };

export function countBlocks(range: BlockRange): number {
  return range.toBlock - range.fromBlock + 1;
}

/** Sorts ranges and joins those that meet or touch, so that each block stands in exactly one. */
export function mergeRanges(ranges: readonly BlockRange[]): BlockRange[] {
  const merged: BlockRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.fromBlock - b.fromBlock)) {
    const last = merged.at(-1);
    if (last && range.fromBlock <= last.toBlock + 1) {
      merged[merged.length - 1] = {
        fromBlock: last.fromBlock,
        toBlock: Math.max(last.toBlock, range.toBlock),
      };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

/** The blocks of `ranges` that stand in none of `taken`. One sweep over both: a ledger may have 100,000s of holes. */
export function subtractRanges(
  ranges: readonly BlockRange[],
  taken: readonly BlockRange[],
): BlockRange[] {
  const cuts = mergeRanges(taken);
  const left: BlockRange[] = [];
  let next = 0;
  for (const { fromBlock, toBlock } of mergeRanges(ranges)) {
    let from = fromBlock;
    while (next < cuts.length && cuts[next]!.toBlock < from) next += 1;
    // The last cut may reach into the next range too, so it is not passed by.
    for (let at = next; at < cuts.length && cuts[at]!.fromBlock <= toBlock; at += 1) {
      const cut = cuts[at]!;
      if (from < cut.fromBlock) left.push({ fromBlock: from, toBlock: cut.fromBlock - 1 });
      from = Math.max(from, cut.toBlock + 1);
      next = at;
    }
    if (from <= toBlock) left.push({ fromBlock: from, toBlock });
  }
  return left;
}
