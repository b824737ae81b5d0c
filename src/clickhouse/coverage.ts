import type { Coverage, CoverageRange, CoverageStatus } from "../activities/ports.ts";
import { type BlockRange, countBlocks, subtractRanges } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";
import { readIslands, span } from "./islands.ts";
import { readExpected } from "./ranges.ts";
import { recount } from "./recount.ts";

type CoverageQuery = {
  readonly network: string;
  readonly processor: Processor;
  readonly window?: BlockRange;
  readonly verify: boolean;
};

/** What stands of the expected blocks of one processor. */
export async function readCoverage(
  clickhouse: ClickHouse,
  query: CoverageQuery,
): Promise<Coverage> {
  const { network, processor, window, verify } = query;
  const all = await readExpected(clickhouse, network, processor);
  const expected = window ? intersectRanges(all, window) : all;
  const range = span(expected);
  const islands = range ? await readIslands(clickhouse, { network, processor, range }) : [];
  const ranges = withMissing(expected, islands);
  const totals = await readTotals(clickhouse, query, expected);
  const counted = verify
    ? await recount(clickhouse, { network, processor, ranges: expected })
    : null;
  return {
    network,
    processor,
    expected,
    blocks: countByStatus(ranges),
    ranges,
    ...totals,
    miscounted: counted?.miscounted ?? [],
    duplicates: counted?.duplicates ?? 0,
    lastRecountAt: counted?.at ?? null,
  };
}

/** The islands inside the expected ranges, and `missing` where none is. */
function withMissing(
  expected: readonly BlockRange[],
  islands: readonly CoverageRange[],
): CoverageRange[] {
  const missing = subtractRanges(expected, islands).map((range) => ({
    ...range,
    status: "missing" as const,
  }));
  // Islands ascend and never meet, so each lies in the gaps of a complement that is cut away once.
  const outside = span(expected)
    ? subtractRanges([span(expected) ?? { fromBlock: 0, toBlock: 0 }], expected)
    : [];
  const inside =
    outside.length === 0
      ? islands
      : islands.flatMap((island) =>
          subtractRanges([island], outside).map((range) => ({ ...range, status: island.status })),
        );
  return [...inside, ...missing].toSorted((a, b) => a.fromBlock - b.fromBlock);
}

function intersectRanges(ranges: readonly BlockRange[], window: BlockRange): BlockRange[] {
  return ranges
    .map(({ fromBlock, toBlock }) => ({
      fromBlock: Math.max(fromBlock, window.fromBlock),
      toBlock: Math.min(toBlock, window.toBlock),
    }))
    .filter(({ fromBlock, toBlock }) => fromBlock <= toBlock);
}

function countByStatus(ranges: readonly CoverageRange[]): Record<CoverageStatus, number> {
  const blocks = { proven: 0, unverified: 0, failed: 0, quarantined: 0, missing: 0 };
  for (const range of ranges) blocks[range.status] += countBlocks(range);
  return blocks;
}

async function readTotals(
  clickhouse: ClickHouse,
  { network, processor }: CoverageQuery,
  expected: readonly BlockRange[],
): Promise<{ transactionCount: number; rowCount: number }> {
  if (expected.length === 0) return { transactionCount: 0, rowCount: 0 };
  const [totals] = await clickhouse.query<{ transactions: string; rows: string }>(
    `SELECT sum(transaction_count) AS transactions, sum(row_count) AS rows FROM execution_block FINAL
     WHERE meta_network_name = {network:String} AND processor = {processor:String} AND status = 'complete'
       AND (${expected.map(({ fromBlock, toBlock }) => `block_number BETWEEN ${fromBlock} AND ${toBlock}`).join(" OR ")})`,
    { parameters: { network, processor } },
  );
  return {
    transactionCount: Number(totals?.transactions ?? 0),
    rowCount: Number(totals?.rows ?? 0),
  };
}
