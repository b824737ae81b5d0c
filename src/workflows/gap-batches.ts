import type { BlockRange } from "../domain/block-range.ts";
import { subtractRanges } from "../domain/block-range.ts";
import type { FindGapsResult } from "./index-activities.ts";

/** Blocks for one call of the block job. */
export type GapBatch = BlockRange & { readonly force: boolean; readonly reason: string };

/**
 * Groups what a scan found into calls of at most `batchBlocks`, newest blocks first. Failed blocks that are due and
 * missing ones take turns, so that neither waits for all of the other: some hundred blocks that fail slowly are hours.
 * Last come blocks whose hash does not chain (traced again by force: they count as complete).
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
      .toReversed()
      .flatMap((range) => chunk(range, batchBlocks))
      .map((range) => ({ ...range, force, reason }));
  return [
    ...takeTurns(
      group(due, false, "failed and due"),
      group(subtractRanges(gaps.missing, due), false, "missing"),
    ),
    ...group(subtractRanges(unchained, [...due, ...gaps.missing]), true, "hash does not chain"),
  ];
}

function takeTurns(first: readonly GapBatch[], second: readonly GapBatch[]): GapBatch[] {
  const turns = Math.max(first.length, second.length);
  return Array.from({ length: turns }, (_, turn) => [
    ...first.slice(turn, turn + 1),
    ...second.slice(turn, turn + 1),
  ]).flat();
}

function toRange(blockNumber: number): BlockRange {
  return { fromBlock: blockNumber, toBlock: blockNumber };
}

/** Pieces of a range, the newest first. */
function chunk(range: BlockRange, blocks: number): BlockRange[] {
  const chunks: BlockRange[] = [];
  for (let toBlock = range.toBlock; toBlock >= range.fromBlock; toBlock -= blocks) {
    chunks.push({ fromBlock: Math.max(range.fromBlock, toBlock - blocks + 1), toBlock });
  }
  return chunks;
}
