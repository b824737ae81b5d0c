import { type BlockRange, countBlocks } from "../domain/block-range.ts";
import { parseBlocks as parseSpec } from "../domain/block-spec.ts";
import { InvalidBlocksError, RequestRefusedError } from "../errors.ts";
import { maximumBlocksPerRequest } from "../workflows/messages.ts";

/**
 * Reads a closed range: `15000000-15000999`, `15M:+1000` (1,000 blocks from 15M on), or one number.
 * @throws {InvalidBlocksError} also when it ends before it starts.
 */
export function parseBlockRange(text: string): BlockRange {
  const spec = parseSpec(text);
  if (spec.kind === "invalid") throw new InvalidBlocksError({ text, reason: spec.reason });
  return { fromBlock: spec.fromBlock, toBlock: spec.toBlock };
}

/** Reads one block number. @throws {InvalidBlocksError} */
export function parseBlockNumber(text: string): number {
  const { fromBlock, toBlock } = parseBlockRange(text);
  if (fromBlock !== toBlock) throw new InvalidBlocksError({ text, reason: "it is not one block" });
  return fromBlock;
}

/**
 * Reads numbers and ranges, one a text, as `requeue` and `release` take them.
 * @throws {InvalidBlocksError} @throws {RequestRefusedError} when they name more than 1,000 blocks together.
 */
export function parseBlocks(texts: readonly string[]): BlockRange[] {
  const ranges = texts.map(parseBlockRange);
  const blocks = ranges.reduce((sum, range) => sum + countBlocks(range), 0);
  if (blocks > maximumBlocksPerRequest) {
    throw new RequestRefusedError({
      reason: `it names ${blocks} blocks, and one call takes at most ${maximumBlocksPerRequest}`,
    });
  }
  return ranges;
}

/** A range as messages write it: `17` or `17-20`. */
export function formatBlockRange({ fromBlock, toBlock }: BlockRange): string {
  return fromBlock === toBlock ? String(fromBlock) : `${fromBlock}-${toBlock}`;
}
