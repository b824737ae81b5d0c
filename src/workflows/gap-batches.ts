import type { BlockRange } from "../domain/block-range.ts";
import { subtractRanges } from "../domain/block-range.ts";
import type { FindGapsResult } from "./messages.ts";

/** Blocks for one call of the block job. */
export type GapBatch = BlockRange & { readonly force: boolean; readonly reason: string };

/**
 * Groups what a scan found into calls of at most `batchBlocks`: failed and due first (somebody waits for them), then
 * missing, then blocks whose hash does not chain (traced again by force: they count as complete).
 * @param taken - blocks that a requeue has in hand or will take.
 */
export function planGapBatches(
  gaps: Pick<FindGapsResult, "missing" | "due" | "unchained">,
  batchBlocks: number,
  taken: readonly BlockRange[],
): GapBatch[] {
  const due = gaps.due.map(toRange);
  const unchained = gaps.unchained.map(toRange);
  const group = (ranges: readonly BlockRange[], force: boolean, reason: string) =>
    subtractRanges(ranges, taken)
      .flatMap((range) => chunk(range, batchBlocks))
      .map((range) => ({ ...range, force, reason }));
  return [
    ...group(due, false, "failed and due"),
    ...group(subtractRanges(gaps.missing, due), false, "missing"),
    ...group(subtractRanges(unchained, [...due, ...gaps.missing]), true, "hash does not chain"),
  ];
}

function toRange(blockNumber: number): BlockRange {
  return { fromBlock: blockNumber, toBlock: blockNumber };
}

function chunk(range: BlockRange, blocks: number): BlockRange[] {
  const chunks: BlockRange[] = [];
  for (let fromBlock = range.fromBlock; fromBlock <= range.toBlock; fromBlock += blocks) {
    chunks.push({ fromBlock, toBlock: Math.min(range.toBlock, fromBlock + blocks - 1) });
  }
  return chunks;
}
