import { type BlockRange, countBlocks } from "./block-range.ts";

/** Blocks of a chunk whose gas nobody knows. */
const blindChunkBlocks = 100;
/** Gas of the first chunk of a range: small, because its speed is what the next one is sized by. */
const firstChunkGas = 10_000_000;
/** The most blocks of a chunk: empty ones take about 2 ms each, and a chunk is to last some 25 s. */
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

type PlannedGas = BlockRange & { readonly gasUsed: number };

/** Chunks that one look at the chain plans at most, so that a wrong guess of the speed is soon corrected. */
const maximumPlanned = 16;

/**
 * Takes blocks from the end of the window at which work goes on, as many as come closest to the wanted gas and at
 * least one; and so on for the chunks after it, as long as the window fills them.
 * @param gasUsed - gas of each block of the window, oldest first.
 * @param isLast - nothing is left beyond the window.
 * @param gasPerChunk - wanted gas; null or 0 = nothing learnt yet, then nothing is planned beyond the first chunk.
 */
export function planChunksByGas({
  window,
  isLast,
  gasUsed,
  order,
  gasPerChunk,
}: {
  readonly window: BlockRange;
  readonly isLast: boolean;
  readonly gasUsed: readonly number[];
  readonly order: ChunkOrder;
  readonly gasPerChunk: number | null;
}): readonly [PlannedGas, ...PlannedGas[]] {
  const wantedGas = gasPerChunk || firstChunkGas;
  const inOrder = order === "oldest-first" ? gasUsed : gasUsed.toReversed();
  const first = takeChunk(window, inOrder, { order, wantedGas });
  const following: PlannedGas[] = [];
  let taken = countBlocks(first);
  const mostFollowing = gasPerChunk ? maximumPlanned - 1 : 0;
  while (following.length < mostFollowing && taken < inOrder.length) {
    const left = cutOff(window, order, taken);
    const next = takeChunk(left, inOrder.slice(taken), { order, wantedGas });
    taken += countBlocks(next);
    // The last chunk of a window is cut short by its edge and not by its gas: the next look plans it better.
    if (taken < inOrder.length || isLast) following.push(next);
  }
  return [first, ...following];
}

function takeChunk(
  window: BlockRange,
  inOrder: readonly number[],
  { order, wantedGas }: { readonly order: ChunkOrder; readonly wantedGas: number },
): PlannedGas {
  let blocks = 0;
  let gas = 0;
  for (const blockGas of inOrder) {
    // Not "until it is full": of heavy blocks, chunks would be half a block short on average.
    if (blocks > 0 && gas + blockGas / 2 > wantedGas) break;
    blocks += 1;
    gas += blockGas;
  }
  return { ...cutWindow(window, order, Math.max(1, blocks)), gasUsed: gas };
}

/** The window without its first `blocks` in working order. */
function cutOff(window: BlockRange, order: ChunkOrder, blocks: number): BlockRange {
  return order === "oldest-first"
    ? { fromBlock: window.fromBlock + blocks, toBlock: window.toBlock }
    : { fromBlock: window.fromBlock, toBlock: window.toBlock - blocks };
}
