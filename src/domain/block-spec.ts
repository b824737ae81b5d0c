import { type BlockRange, countBlocks, mergeRanges } from "./block-range.ts";

/** What a text means: blocks, or why it means none. */
export type BlockSpec =
  | ({ readonly kind: "range" } & BlockRange)
  | { readonly kind: "invalid"; readonly reason: string };

const suffixFactors: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };
const numberPattern = /^(\d[\d_]*|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?([kmg]?)$/i;

/** Reads `17000000`, `17_000_000`, `17,000,000`, `17M` or `1.5K`; undefined where it is no whole number below 2^53. */
function parseNumber(text: string): number | undefined {
  const [, whole, decimals = "", suffix = ""] = numberPattern.exec(text.trim()) ?? [];
  if (whole === undefined) return undefined;
  const factor = suffixFactors[suffix.toLowerCase()] ?? 1;
  // All digits first, because 1.1 * 1e6 is 1100000.0000000002.
  const value = (Number(whole.replaceAll(/[_,]/g, "") + decimals) * factor) / 10 ** decimals.length;
  return Number.isSafeInteger(value) ? value : undefined;
}

function invalid(reason: string): BlockSpec {
  return { kind: "invalid", reason };
}

function closedRange(fromText: string, toText: string): BlockSpec {
  const fromBlock = parseNumber(fromText);
  const toBlock = parseNumber(toText);
  if (fromBlock === undefined) return invalid(`"${fromText}" is no block number`);
  if (toBlock === undefined) return invalid(`"${toText}" is no block number`);
  if (fromBlock > toBlock) return invalid(`it ends (${toBlock}) before it starts (${fromBlock})`);
  return { kind: "range", fromBlock, toBlock };
}

function rangeOfLength(fromText: string, lengthText: string): BlockSpec {
  const fromBlock = parseNumber(fromText);
  const length = parseNumber(lengthText);
  if (fromBlock === undefined) return invalid(`"${fromText}" is no block number`);
  if (length === undefined || length < 1)
    return invalid(`"${lengthText}" is no length of 1 or more`);
  const toBlock = fromBlock + (length - 1);
  return Number.isSafeInteger(toBlock)
    ? { kind: "range", fromBlock, toBlock }
    : invalid("it ends above 2^53");
}

/** Reads a number (`17000000`, 5), a closed range (`15000000-15000999`) or a length (`15M:+1000`). */
export function parseBlocks(spec: string | number): BlockSpec {
  const text = String(spec).trim();
  const [start = "", length, ...tooMuch] = text.split(":+");
  if (length !== undefined) {
    return tooMuch.length > 0 ? invalid("it has two lengths") : rangeOfLength(start, length);
  }
  const [first = "", last = first, ...rest] = text.split("-");
  return rest.length > 0 ? invalid("it has more than two ends") : closedRange(first, last);
}

/** What a list of texts means: the blocks of the good ones, each once, and why the others mean none. */
export type BlockList = {
  readonly ranges: readonly BlockRange[];
  readonly blocks: number;
  readonly refused: readonly { readonly blocks: string; readonly why: string }[];
};

/**
 * Reads numbers and ranges; what is wrong or goes beyond `maximumBlocks` is refused item by item.
 * @param maximumBlocks - the most different blocks that one list may name.
 */
export function parseBlockList(
  specs: readonly (string | number)[],
  maximumBlocks: number,
): BlockList {
  let ranges: BlockRange[] = [];
  const refused: { blocks: string; why: string }[] = [];
  for (const spec of specs) {
    const parsed = parseBlocks(spec);
    if (parsed.kind === "invalid") {
      refused.push({ blocks: String(spec).slice(0, 200), why: parsed.reason });
      continue;
    }
    const joined = mergeRanges([
      ...ranges,
      { fromBlock: parsed.fromBlock, toBlock: parsed.toBlock },
    ]);
    if (sumBlocks(joined) > maximumBlocks) {
      const why = `with it the list names more than ${maximumBlocks} blocks`;
      refused.push({ blocks: String(spec).slice(0, 200), why });
    } else {
      ranges = joined;
    }
  }
  return { ranges, blocks: sumBlocks(ranges), refused };
}

function sumBlocks(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, range) => sum + countBlocks(range), 0);
}
