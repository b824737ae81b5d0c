import type { BlockRange } from "../domain/block-range.ts";
import { countBlocks } from "../domain/block-range.ts";
import { parseBlocks } from "../domain/block-spec.ts";
import { maximumBlocksPerRequest } from "../workflows/messages.ts";
import { Problem } from "./problem.ts";

const largestUint64 = 2n ** 64n - 1n;

/** What a number in a path says; `beyond` is one that no chain has and JavaScript cannot hold. */
export type PathNumber =
  | { readonly kind: "block"; readonly blockNumber: number }
  | { readonly kind: "beyond" }
  | { readonly kind: "invalid" };

/** Reads a block number as the reference does: a decimal of 64 bits. */
export function parsePathNumber(text: string): PathNumber {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > largestUint64) return { kind: "invalid" };
  const blockNumber = Number(text);
  return Number.isSafeInteger(blockNumber) ? { kind: "block", blockNumber } : { kind: "beyond" };
}

/**
 * Reads the list of a request: each block once, in the order of their first naming.
 * @throws {Problem} where an item names no blocks, the list is empty, or it names more than 1,000.
 */
export function parseBlockItems(
  items: readonly (number | string)[] | null | undefined,
  processor: string,
): readonly number[] {
  const blocks = new Set<number>();
  for (const item of items ?? []) {
    const range = parseItem(item, processor);
    if (countBlocks(range) > maximumBlocksPerRequest) throw tooManyBlocks(processor);
    for (let block = range.fromBlock; block <= range.toBlock; block += 1) blocks.add(block);
    if (blocks.size > maximumBlocksPerRequest) throw tooManyBlocks(processor);
  }
  if (blocks.size > 0) return [...blocks];
  throw new Problem({
    kind: "bad-request",
    status: 400,
    title: "The list names no blocks.",
    fix: 'send {"blocks":[17000000,"17000005-17000010"]}.',
    members: { error: "no blocks provided", processor },
  });
}

function parseItem(item: number | string, processor: string): BlockRange {
  const parsed = parseBlocks(item);
  if (parsed.kind === "range") return parsed;
  throw new Problem({
    kind: "invalid-blocks",
    status: 400,
    title: "That names no blocks.",
    detail: `${JSON.stringify(item).slice(0, 100)}: ${parsed.reason}.`,
    fix: 'write a number (17000000) or a range ("15000000-15000999", "15M:+1000").',
    members: { error: "invalid request body", processor },
  });
}

function tooManyBlocks(processor: string): Problem {
  return new Problem({
    kind: "too-many-blocks",
    status: 413,
    title: "The list names too many blocks.",
    fix: `name at most ${maximumBlocksPerRequest} a call.`,
    members: { error: `too many blocks (limit: ${maximumBlocksPerRequest})`, processor },
  });
}
