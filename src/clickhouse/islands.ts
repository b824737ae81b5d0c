import { type BlockRange, countBlocks } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import {
  type Buckets,
  bucketBlocks,
  bucketOf,
  bucketRange,
  type Group,
  readBuckets,
  standingGroup,
} from "./buckets.ts";
import type { ClickHouse } from "./client.ts";

/** What a ledger row counts as in coverage; a retracted one is no row. */
export type IslandStatus = "proven" | "unverified" | "failed" | "quarantined";
export type Island = BlockRange & { readonly status: IslandStatus };

/** What stands in a piece of the way from the first expected block to the last. */
export type Stretch = {
  /** Stretches tile that way, oldest first. */
  readonly range: BlockRange;
  /** Runs of expected blocks of one status, oldest first. Two that meet at a border of buckets may have the same one. */
  readonly islands: readonly Island[];
  readonly transactionCount: number;
  readonly rowCount: number;
};

type StretchQuery = {
  readonly network: string;
  readonly processor: Processor;
  /** Merged ranges. */
  readonly expected: readonly BlockRange[];
};

/** What one statement is asked for, in buckets: bounds its answer (1,000 blocks each) and its text. */
const weightPerLook = 1000;
/** Parts of so many blocks are listed block by block; longer ones are compared with, for every row. */
const listedBlocks = 16;
const weightOfComparison = 20;

/** What is to be told next: islands that are known, and parts that have to be looked at. */
type Step = {
  readonly solid: (Island & Totals)[];
  readonly open: BlockRange[];
  toBlock: number;
};
type Totals = { readonly transactionCount: number; readonly rowCount: number };
const nothing: Totals = { transactionCount: 0, rowCount: 0 };

/**
 * Tells what stands of the expected blocks, oldest first, in bounded memory. Buckets in which one run of one status
 * stands, hiding all older versions, are told by their counts alone; the rows of all others are looked at.
 */
export async function* readStretches(
  clickhouse: ClickHouse,
  query: StretchQuery,
): AsyncGenerator<Stretch> {
  const whole = span(query.expected);
  if (!whole) return;
  const { network, processor } = query;
  const buckets = await readBuckets(clickhouse, { network, processor, range: whole });
  yield* stretchesOf(clickhouse, query, buckets);
}

/** {@link readStretches} from buckets that were read before, of the expected blocks at least. */
export async function* stretchesOf(
  clickhouse: ClickHouse,
  query: StretchQuery,
  buckets: Buckets,
): AsyncGenerator<Stretch> {
  const whole = span(query.expected);
  if (!whole) return;
  let { fromBlock } = whole;
  for (const { solid, open, toBlock } of planSteps(buckets, query.expected, whole.toBlock)) {
    const looked = open.length > 0 ? await look(clickhouse, query, open) : [];
    const found = [...solid, ...looked].toSorted((a, b) => a.fromBlock - b.fromBlock);
    yield {
      range: { fromBlock, toBlock },
      islands: found.map((island) => ({
        fromBlock: island.fromBlock,
        toBlock: island.toBlock,
        status: island.status,
      })),
      transactionCount: found.reduce((sum, island) => sum + island.transactionCount, 0),
      rowCount: found.reduce((sum, island) => sum + island.rowCount, 0),
    };
    fromBlock = toBlock + 1;
  }
}

function* planSteps(
  buckets: Buckets,
  expected: readonly BlockRange[],
  lastBlock: number,
): Generator<Step> {
  let step: Step = { solid: [], open: [], toBlock: 0 };
  let openWeight = 0;
  let next = 0;
  for (const [number, bucket] of buckets) {
    const range = bucketRange(number);
    while (next < expected.length && expected[next]!.toBlock < range.fromBlock) next += 1;
    const parts = overlapsOf(range, expected, next);
    if (parts.length === 0 || bucket.groups.every(isRetracted)) continue;
    const standing = standingGroup(bucket);
    if (standing && isUnbroken(standing) && isInside(standing, parts)) {
      const { fromBlock, toBlock, status } = standing;
      if (status === "retracted") continue;
      const isComplete = status === "proven" || status === "unverified";
      const { transactionCount, rowCount } = isComplete ? standing : nothing;
      step.solid.push({ fromBlock, toBlock, status, transactionCount, rowCount });
      continue;
    }
    step.open.push(...parts);
    openWeight += parts.reduce((sum, part) => sum + weightOf(part), 0);
    if (openWeight < weightPerLook) continue;
    yield { ...step, toBlock: Math.min(range.toBlock, lastBlock) };
    step = { solid: [], open: [], toBlock: 0 };
    openWeight = 0;
  }
  yield { ...step, toBlock: lastBlock };
}

/** What a part adds to a statement's text and to what is evaluated for every row. */
function weightOf(range: BlockRange): number {
  if (isWholeBuckets(range)) return 1;
  return isListed(range) ? countBlocks(range) : weightOfComparison;
}

const isRetracted = ({ status }: Group) => status === "retracted";

/** Its places fill the way from the first to the last: no hole. */
function isUnbroken({ fromBlock, toBlock, places }: Group): boolean {
  return toBlock - fromBlock + 1 === places;
}

function isInside(inner: BlockRange, parts: readonly BlockRange[]): boolean {
  return parts.some(
    ({ fromBlock, toBlock }) => fromBlock <= inner.fromBlock && inner.toBlock <= toBlock,
  );
}

/** The parts of a range that lie in sorted ranges, of which those before `first` end below it. */
function overlapsOf(range: BlockRange, ranges: readonly BlockRange[], first: number): BlockRange[] {
  const parts: BlockRange[] = [];
  for (let at = first; at < ranges.length && ranges[at]!.fromBlock <= range.toBlock; at += 1) {
    parts.push({
      fromBlock: Math.max(range.fromBlock, ranges[at]!.fromBlock),
      toBlock: Math.min(range.toBlock, ranges[at]!.toBlock),
    });
  }
  return parts;
}

/** A block and its label as one number, so that neighbours of one label differ by 16. */
const labels = ["proven", "unverified", "failed", "quarantined"] as const;
const codeOf = `block_number * 16 + multiIf(status = 'failed', 2, status = 'quarantined', 3, proof = 'proven', 0, 1)`;

type LookedAt = { starts: string[]; ends: string[]; transactions: string; rows: string };

/** Runs of one status in some ranges, from their rows. Totals stand with the first run of each bucket. */
async function look(
  clickhouse: ClickHouse,
  { network, processor }: StretchQuery,
  ranges: readonly BlockRange[],
): Promise<(Island & Totals)[]> {
  const buckets = await clickhouse.query<LookedAt>(
    `SELECT
       arrayFilter((code, step) -> step != 16, codes, steps) AS starts,
       arrayPushBack(arrayFilter((code, step) -> step != 16, arrayPopBack(codes), arrayPopFront(steps)), codes[-1]) AS ends,
       transactions, rows
     FROM
     (
       SELECT
         arraySort(groupArray(${codeOf})) AS codes, arrayDifference(codes) AS steps,
         sumIf(transaction_count, status = 'complete') AS transactions, sumIf(row_count, status = 'complete') AS rows
       FROM execution_block FINAL
       WHERE meta_network_name = {network:String} AND processor = {processor:String} AND status != 'retracted'
         AND (${inRanges(ranges)})
       GROUP BY intDiv(block_number, ${bucketBlocks})
     )`,
    { parameters: { network, processor } },
  );
  return buckets.flatMap(({ starts, ends, transactions, rows }) =>
    starts.map((start, index) => ({
      fromBlock: Math.floor(Number(start) / 16),
      toBlock: Math.floor(Number(ends[index]) / 16),
      status: labels[Number(start) % 16] ?? "unverified",
      transactionCount: index === 0 ? Number(transactions) : 0,
      rowCount: index === 0 ? Number(rows) : 0,
    })),
  );
}

/**
 * A condition that the primary key prunes by. Whole buckets and single blocks are named by sets: a long OR is
 * evaluated for every row.
 */
export function inRanges(ranges: readonly BlockRange[]): string {
  const buckets: number[] = [];
  const blocks: number[] = [];
  const parts: string[] = [];
  for (const range of ranges) {
    const { fromBlock, toBlock } = range;
    if (isWholeBuckets(range)) {
      for (let b = bucketOf(fromBlock); b <= bucketOf(toBlock); b += 1) buckets.push(b);
    } else if (isListed(range)) {
      for (let block = fromBlock; block <= toBlock; block += 1) blocks.push(block);
    } else {
      parts.push(`block_number BETWEEN ${fromBlock} AND ${toBlock}`);
    }
  }
  if (blocks.length > 0) parts.push(`block_number IN (${blocks.join(", ")})`);
  if (buckets.length > 0) {
    parts.push(`intDiv(block_number, ${bucketBlocks}) IN (${buckets.join(", ")})`);
  }
  return parts.join(" OR ");
}

function isWholeBuckets({ fromBlock, toBlock }: BlockRange): boolean {
  return fromBlock % bucketBlocks === 0 && (toBlock + 1) % bucketBlocks === 0;
}

function isListed(range: BlockRange): boolean {
  return countBlocks(range) <= listedBlocks;
}

/** Cuts disjoint ranges, oldest first, into groups that one statement can be asked for, newest first. */
export function chunkRanges(ranges: readonly BlockRange[]): BlockRange[][] {
  const chunks: BlockRange[][] = [];
  let weight = Number.POSITIVE_INFINITY;
  for (const range of ranges.toReversed()) {
    const last = chunks.at(-1);
    if (last && weight < weightPerLook) {
      last.push(range);
      weight += weightOf(range);
    } else {
      chunks.push([range]);
      weight = weightOf(range);
    }
  }
  return chunks;
}

/** From the first block of the first range to the last of the last; null without ranges. */
export function span(ranges: readonly BlockRange[]): BlockRange | null {
  const first = ranges[0];
  const last = ranges.at(-1);
  return first && last ? { fromBlock: first.fromBlock, toBlock: last.toBlock } : null;
}
