import type { BlockRange } from "../domain/block-range.ts";
import { InvalidBlocksError } from "../errors.ts";
import { parseBlockNumber } from "./block-text.ts";

/**
 * Reads `--from` and `--to`; either may be left out. @returns undefined where both are.
 * @throws {InvalidBlocksError} also when it ends before it starts.
 */
export function readWindow({
  from,
  to,
}: {
  readonly from?: string;
  readonly to?: string;
}): BlockRange | undefined {
  if (from === undefined && to === undefined) return undefined;
  const fromBlock = from === undefined ? 0 : parseBlockNumber(from);
  const toBlock = to === undefined ? Number.MAX_SAFE_INTEGER : parseBlockNumber(to);
  if (fromBlock > toBlock) {
    const reason = `it ends (${toBlock}) before it starts (${fromBlock})`;
    throw new InvalidBlocksError({ text: `${fromBlock}-${toBlock}`, reason });
  }
  return { fromBlock, toBlock };
}
