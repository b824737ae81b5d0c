import type { Coverage, CoverageRange, CoverageStatus } from "../activities/ports.ts";
import { type BlockRange, countBlocks, subtractRanges } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import { bucketOf } from "./buckets.ts";
import type { ClickHouse } from "./client.ts";
import { type Island, readStretches } from "./islands.ts";
import { readExpected } from "./ranges.ts";
import { readRecounts, recountNow } from "./recount-cursor.ts";

type CoverageQuery = {
  readonly network: string;
  readonly processor: Processor;
  readonly window?: BlockRange;
  readonly verify: boolean;
};

/** Ranges that an answer holds at most: more than a person or a program reads, few enough for any memory. */
const maximumRanges = 100_000;

/** What stands of the expected blocks of one processor. */
export async function readCoverage(
  clickhouse: ClickHouse,
  query: CoverageQuery,
): Promise<Coverage> {
  const { network, processor, window, verify } = query;
  const all = await readExpected(clickhouse, network, processor);
  const expected = window ? intersectRanges(all, window) : all;
  const tally = new Tally();
  for await (const stretch of readStretches(clickhouse, { network, processor, expected })) {
    tally.add(withMissing(intersectRanges(expected, stretch.range), stretch.islands));
    tally.transactionCount += stretch.transactionCount;
    tally.rowCount += stretch.rowCount;
  }
  const counted = verify
    ? await recountNow(clickhouse, { network, processor, ranges: expected })
    : null;
  const { blocks, omitted, transactionCount, rowCount } = tally;
  const at = counted ? Date.parse(counted.at) : null;
  const recounts = await readRecounts(clickhouse, { network, processor });
  const ranges = tally.ranges.map((range) =>
    withRecount(range, (bucket) => at ?? recounts.get(bucket)),
  );
  return {
    network,
    processor,
    expected,
    blocks,
    ranges,
    ...(omitted > 0 ? { rangesOmitted: omitted } : {}),
    transactionCount,
    rowCount,
    miscounted: counted?.miscounted ?? [],
    duplicates: counted?.duplicates ?? 0,
    lastRecountAt: counted?.at ?? oldestRecount(ranges),
  };
}

/** Adds up ranges as they come, oldest first. */
class Tally {
  readonly blocks = { proven: 0, unverified: 0, failed: 0, quarantined: 0, missing: 0 };
  readonly ranges: CoverageRange[] = [];
  omitted = 0;
  transactionCount = 0;
  rowCount = 0;

  add(ranges: readonly CoverageRange[]): void {
    for (const range of ranges) {
      this.blocks[range.status] += countBlocks(range);
      this.#keep(range);
    }
  }

  #keep(range: CoverageRange): void {
    const last = this.ranges.at(-1);
    if (last && last.status === range.status && last.toBlock + 1 === range.fromBlock) {
      this.ranges[this.ranges.length - 1] = { ...last, toBlock: range.toBlock };
    } else if (this.ranges.length < maximumRanges) {
      this.ranges.push(range);
    } else {
      this.omitted += 1;
    }
  }
}

/** Says of a complete range when the count of its rows was last looked at: the oldest time of its buckets. */
function withRecount(
  range: CoverageRange,
  countedAt: (bucket: number) => number | undefined,
): CoverageRange {
  if (range.status !== "proven" && range.status !== "unverified") return range;
  let oldest = Number.POSITIVE_INFINITY;
  for (let bucket = bucketOf(range.fromBlock); bucket <= bucketOf(range.toBlock); bucket += 1) {
    const at = countedAt(bucket);
    if (at === undefined) return { ...range, lastRecountAt: null };
    oldest = Math.min(oldest, at);
  }
  return { ...range, lastRecountAt: new Date(oldest).toISOString() };
}

function oldestRecount(ranges: readonly CoverageRange[]): string | null {
  const times = ranges.flatMap(({ lastRecountAt }) =>
    lastRecountAt === undefined ? [] : [lastRecountAt],
  );
  if (times.includes(null)) return null;
  return times.toSorted((a, b) => String(a).localeCompare(String(b)))[0] ?? null;
}

/** The islands, and `missing` where the expected ranges hold none. */
function withMissing(expected: readonly BlockRange[], islands: readonly Island[]): CoverageRange[] {
  const status: CoverageStatus = "missing";
  const missing = subtractRanges(expected, islands).map((range) => ({ ...range, status }));
  if (missing.length === 0) return [...islands];
  return [...islands, ...missing].toSorted((a, b) => a.fromBlock - b.fromBlock);
}

export function intersectRanges(ranges: readonly BlockRange[], window: BlockRange): BlockRange[] {
  return ranges
    .map(({ fromBlock, toBlock }) => ({
      fromBlock: Math.max(fromBlock, window.fromBlock),
      toBlock: Math.min(toBlock, window.toBlock),
    }))
    .filter(({ fromBlock, toBlock }) => fromBlock <= toBlock);
}
