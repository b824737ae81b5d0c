import type { BlockRange } from "../domain/block-range.ts";
import { countBlocks } from "../domain/block-range.ts";

/** What stays expected of a job that a person stopped. */
export type RangeLeftBehind = BlockRange & { readonly state: "done" | "abandoned" };

/**
 * Cuts the expected range of a stopped job to what it did. Stopping withdraws the order for the rest: were the rest
 * `abandoned`, gap-fill would take it over at once and the stop would stop nothing. Holes between done blocks (chunks
 * that ended in another order) stay expected, and are gap-fill's to close.
 * @returns the empty range before `fromBlock` where nothing was done.
 */
export function cutToDone(done: readonly BlockRange[], fromBlock: number): RangeLeftBehind {
  const first = done[0];
  const last = done.at(-1);
  if (!first || !last) return { ...emptyRangeAt(fromBlock), state: "done" };
  const hull = { fromBlock: first.fromBlock, toBlock: last.toBlock };
  const doneBlocks = done.reduce((sum, range) => sum + countBlocks(range), 0);
  return { ...hull, state: doneBlocks === countBlocks(hull) ? "done" : "abandoned" };
}

/** A range that holds no block, in columns that hold no negative number. */
export function emptyRangeAt(fromBlock: number): BlockRange {
  return fromBlock > 0 ? { fromBlock, toBlock: fromBlock - 1 } : { fromBlock: 1, toBlock: 0 };
}
