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

/** The blocks of `ranges` that stand in none of `taken`. */
export function subtractRanges(
  ranges: readonly BlockRange[],
  taken: readonly BlockRange[],
): BlockRange[] {
  let left = mergeRanges(ranges);
  for (const cut of mergeRanges(taken)) {
    left = left.flatMap((range) => [
      ...(range.fromBlock < cut.fromBlock
        ? [{ fromBlock: range.fromBlock, toBlock: Math.min(range.toBlock, cut.fromBlock - 1) }]
        : []),
      ...(range.toBlock > cut.toBlock
        ? [{ fromBlock: Math.max(range.fromBlock, cut.toBlock + 1), toBlock: range.toBlock }]
        : []),
    ]);
  }
  return left;
}
