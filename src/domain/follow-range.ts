import type { BlockRange } from "./block-range.ts";

/** A range that follow noted before: open (`toBlock` null) while it ran. */
type NotedRange = { readonly fromBlock: number; readonly toBlock: number | null };

/**
 * What becomes of the range that an earlier follow of the same network noted, when follow notes a new one: a workflow
 * has one note, which a stop cuts to what it did, yet what was expected once stays expected.
 * @returns `fromBlock` of the new note, and the earlier range where it needs a note of its own: where the new one does
 * not go on from its end.
 */
export function joinFollowRange(
  earlier: NotedRange | undefined,
  fromBlock: number,
): { readonly fromBlock: number; readonly apart: BlockRange | null } {
  if (earlier === undefined || isEmpty(earlier)) return { fromBlock, apart: null };
  const isApart = earlier.toBlock !== null && earlier.toBlock + 1 !== fromBlock;
  return isApart
    ? { fromBlock, apart: { fromBlock: earlier.fromBlock, toBlock: earlier.toBlock } }
    : { fromBlock: Math.min(earlier.fromBlock, fromBlock), apart: null };
}

export function isEmpty({ fromBlock, toBlock }: NotedRange): boolean {
  return toBlock !== null && toBlock < fromBlock;
}
