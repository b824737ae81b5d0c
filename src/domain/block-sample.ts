import { type BlockRange, countBlocks } from "./block-range.ts";

/**
 * Draws blocks from disjoint ranges, each block as likely as any other, none twice. The same seed draws the same ones.
 * @param seed - 0 to 2^32 - 1.
 * @returns Ascending numbers: `size` of them, or all there are.
 */
export function sampleBlocks(
  ranges: readonly BlockRange[],
  { size, seed }: { readonly size: number; readonly seed: number },
): number[] {
  const total = ranges.reduce((sum, range) => sum + countBlocks(range), 0);
  const random = createRandom(seed);
  const places = new Set<number>();
  // Floyd's way: as many draws as blocks, however close the sample is to all there are.
  for (let last = total - Math.min(size, total); last < total; last += 1) {
    const place = Math.floor(random() * (last + 1));
    places.add(places.has(place) ? last : place);
  }
  return [...places].toSorted((a, b) => a - b).map((place) => blockAt(ranges, place));
}

function blockAt(ranges: readonly BlockRange[], place: number): number {
  let left = place;
  for (const range of ranges) {
    const count = countBlocks(range);
    if (left < count) return range.fromBlock + left;
    left -= count;
  }
  throw new RangeError(`place ${place} is beyond the ranges`);
}

/** Uniform in [0, 1), 32 bits of state (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
