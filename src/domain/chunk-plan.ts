import type { BlockRange } from "./block-range.ts";

/** Blocks of a chunk whose gas nobody knows. */
const blindChunkBlocks = 100;
/** Gas of the first chunk of a range: small, because its speed is what the next one is sized by. */
const firstChunkGas = 10_000_000;
/** The most blocks of a chunk: empty ones take about 2 ms each, and a chunk is to last some 20 s. */
export const maximumChunkBlocks = 4000;

export type ChunkOrder = "oldest-first" | "newest-first";

/** The end of a range at which work goes on, at most `blocks` long. */
export function cutWindow(range: BlockRange, order: ChunkOrder, blocks: number): BlockRange {
  return order === "oldest-first"
    ? { fromBlock: range.fromBlock, toBlock: Math.min(range.toBlock, range.fromBlock + blocks - 1) }
    : { fromBlock: Math.max(range.fromBlock, range.toBlock - blocks + 1), toBlock: range.toBlock };
}

/** A chunk for a range of which the node tells no gas. */
export function planBlindChunk(range: BlockRange, order: ChunkOrder): BlockRange {
  return cutWindow(range, order, blindChunkBlocks);
}

/**
 * Takes blocks from the end of the window at which work goes on until the wanted gas is reached; at least one.
 * @param gasUsed - gas of each block of the window, oldest first.
 * @param gasPerChunk - wanted gas; null or 0 = nothing learnt yet.
 */
export function planChunkByGas({
  window,
  gasUsed,
  order,
  gasPerChunk,
}: {
  readonly window: BlockRange;
  readonly gasUsed: readonly number[];
  readonly order: ChunkOrder;
  readonly gasPerChunk: number | null;
}): BlockRange & { readonly gasUsed: number } {
  const wantedGas = gasPerChunk || firstChunkGas;
  const inOrder = order === "oldest-first" ? gasUsed : gasUsed.toReversed();
  let blocks = 0;
  let gas = 0;
  for (const blockGas of inOrder) {
    // A block that would make the chunk more than full belongs to the next one, unless it is alone.
    if (blocks > 0 && gas + blockGas > wantedGas) break;
    blocks += 1;
    gas += blockGas;
  }
  return { ...cutWindow(window, order, Math.max(1, blocks)), gasUsed: gas };
}
