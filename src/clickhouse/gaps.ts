import type { GapQuery, Gaps } from "../activities/ports.ts";
import {
  type BlockRange,
  countBlocks,
  mergeRanges,
  subtractRanges,
} from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import { type Buckets, bucketsWith, readBuckets } from "./buckets.ts";
import type { ClickHouse } from "./client.ts";
import { intersectRanges } from "./coverage.ts";
import { chunkRanges, inRanges, stretchesOf } from "./islands.ts";
import { closeExpected } from "./ranges.ts";

/** Scans for gaps; the first one of a network begins with any part of its ledger. */
export function createGapScan(clickhouse: ClickHouse): (query: GapQuery) => Promise<Gaps> {
  const turns = new Map<string, number>();
  return async (query) => {
    const turn = turns.get(query.network) ?? Math.floor(Math.random() * 1_000_000);
    turns.set(query.network, turn + 1);
    return readGaps(clickhouse, query, turn);
  };
}

/**
 * What has to be done, newest first. A block counts once, however many processors lack it. A retracted row is a
 * missing block as soon as the block is expected again.
 */
async function readGaps(clickhouse: ClickHouse, query: GapQuery, turn: number): Promise<Gaps> {
  const perProcessor = await Promise.all(
    query.processors.map((processor) => readMissing(clickhouse, query, processor)),
  );
  const missing = mergeRanges(perProcessor.flatMap(({ ranges }) => ranges));
  const [failures, unchained] = await Promise.all([
    readFailures(
      clickhouse,
      query,
      perProcessor.map(({ buckets }) => buckets),
    ),
    readUnchained(clickhouse, query, turn),
  ]);
  return {
    missing: newestBlocks(missing, query.limit),
    due: failures.due,
    unchained,
    counts: {
      missing: missing.reduce((sum, range) => sum + countBlocks(range), 0),
      failed: failures.failed,
      quarantined: failures.quarantined,
    },
    nextDueAt: failures.nextDueMs === null ? null : new Date(failures.nextDueMs).toISOString(),
    byProcessor: perProcessor.map(({ processor, ranges, top }) => ({
      processor,
      missing: ranges.reduce((sum, range) => sum + countBlocks(range), 0),
      ...(failures.byProcessor.get(processor) ?? { failed: 0, quarantined: 0 }),
      oldestMissingDepth: ranges[0] ? top - ranges[0].fromBlock + 1 : 0,
    })),
  };
}

/** Ranges of missing blocks that one scan holds at most, the newest: it can do only some hundred of them. */
const maximumRanges = 100_000;

type Missing = {
  readonly processor: Processor;
  /** Those that nobody has in hand, oldest first. */
  readonly ranges: readonly BlockRange[];
  /** The highest block that is expected; -1 without any. */
  readonly top: number;
  readonly buckets: Buckets;
};

async function readMissing(
  clickhouse: ClickHouse,
  { network, expected: ranges, inHand }: GapQuery,
  processor: Processor,
): Promise<Missing> {
  const expected = await closeExpected(clickhouse, { network, processor, ranges });
  const buckets = await readBuckets(clickhouse, { network, processor });
  let missing: BlockRange[] = [];
  const stretches = stretchesOf(clickhouse, { network, processor, expected }, buckets);
  for await (const { range, islands } of stretches) {
    missing.push(...subtractRanges(intersectRanges(expected, range), islands));
    if (missing.length > 2 * maximumRanges) missing = missing.slice(-maximumRanges);
  }
  const top = expected.at(-1)?.toBlock ?? -1;
  return { processor, ranges: subtractRanges(missing, inHand), top, buckets };
}

/** The newest blocks of the ranges, at most `limit`, newest first. */
function newestBlocks(ranges: readonly BlockRange[], limit: number): BlockRange[] {
  const newest: BlockRange[] = [];
  let left = limit;
  for (const { fromBlock, toBlock } of mergeRanges(ranges).toReversed()) {
    if (left <= 0) break;
    const cut = { fromBlock: Math.max(fromBlock, toBlock - left + 1), toBlock };
    newest.push(cut);
    left -= countBlocks(cut);
  }
  return newest;
}

function rowsOf(query: GapQuery) {
  return {
    where: "meta_network_name = {network:String} AND processor IN {processors:Array(String)}",
    parameters: {
      network: query.network,
      processors: query.processors,
      limit: query.limit,
      now: Date.parse(query.now),
    },
  };
}

const isDue =
  "status = 'failed' AND next_attempt_at <= fromUnixTimestamp64Milli({now:Int64}, 'UTC')";

/** The counts of a processor, or of all together where `is_all`: a block counts once there. */
type FailureRow = {
  processor: Processor;
  is_all: number;
  failed: string;
  quarantined: string;
  next_due_ms: string | null;
  due: string[];
};
type Counts = { failed: number; quarantined: number };
type Failures = Counts & {
  nextDueMs: number | null;
  due: number[];
  readonly byProcessor: Map<Processor, Counts>;
};

/** Looks only at buckets where these statuses may stand: they are few, whatever the ledger's length. */
async function readFailures(
  clickhouse: ClickHouse,
  query: GapQuery,
  perProcessor: readonly Buckets[],
): Promise<Failures> {
  const buckets = bucketsWith(perProcessor, ["failed", "quarantined"]);
  const total: Failures = {
    failed: 0,
    quarantined: 0,
    nextDueMs: null,
    due: [],
    byProcessor: new Map(),
  };
  for (const ranges of chunkRanges(buckets)) {
    for (const row of await readFailuresIn(clickhouse, query, ranges)) addFailures(total, row);
  }
  return { ...total, due: total.due.slice(0, query.limit) };
}

function addFailures(total: Failures, row: FailureRow): void {
  const counts = { failed: Number(row.failed), quarantined: Number(row.quarantined) };
  if (row.is_all === 0) {
    const before = total.byProcessor.get(row.processor) ?? { failed: 0, quarantined: 0 };
    total.byProcessor.set(row.processor, {
      failed: before.failed + counts.failed,
      quarantined: before.quarantined + counts.quarantined,
    });
    return;
  }
  total.failed += counts.failed;
  total.quarantined += counts.quarantined;
  // Newest first, as the chunks come.
  total.due.push(...row.due.map(Number));
  const nextDueMs = row.next_due_ms === null ? null : Number(row.next_due_ms);
  if (nextDueMs !== null) total.nextDueMs = Math.min(total.nextDueMs ?? nextDueMs, nextDueMs);
}

function readFailuresIn(
  clickhouse: ClickHouse,
  query: GapQuery,
  ranges: readonly BlockRange[],
): Promise<FailureRow[]> {
  const { where, parameters } = rowsOf(query);
  return clickhouse.query<FailureRow>(
    `SELECT
       processor, toUInt8(grouping(processor)) AS is_all,
       uniqExactIf(block_number, status = 'failed') AS failed,
       uniqExactIf(block_number, status = 'quarantined') AS quarantined,
       toUnixTimestamp64Milli(minOrNullIf(next_attempt_at, status = 'failed' AND NOT ifNull(${isDue}, 0))) AS next_due_ms,
       arraySlice(arrayReverseSort(groupUniqArrayIf(block_number, ifNull(${isDue}, 0))), 1, {limit:UInt32}) AS due
     FROM execution_block FINAL
     WHERE ${where} AND status IN ('failed', 'quarantined') AND (${inRanges(ranges)})
     GROUP BY GROUPING SETS ((processor), ())`,
    { parameters },
  );
}

/**
 * Blocks whose hashes one scan compares: the newest, where reorgs are, and a slice of the others. Hashes are most of
 * the ledger.
 */
const newestCompared = 20_000;
const sliceBlocks = 100_000;

/**
 * Neighbours that are both complete: the higher one's parent hash must be the lower one's hash. A ledger longer than
 * a scan is compared slice by slice, another one each time, so that none is left out for long (50 million blocks, a
 * scan every 15 s: two hours).
 * @param turn - one more with each scan; a clock would pass slices by where scans keep step with it.
 */
async function readUnchained(
  clickhouse: ClickHouse,
  query: GapQuery,
  turn: number,
): Promise<number[]> {
  const { where, parameters } = rowsOf(query);
  const [newest] = await clickhouse.query<{ top: string }>(
    `SELECT max(block_number) AS top FROM execution_block WHERE ${where}`,
    { parameters },
  );
  const top = Number(newest?.top ?? 0);
  const slices = Math.ceil((top + 1) / sliceBlocks);
  const from = (turn % slices) * sliceBlocks;
  const rows = await clickhouse.query<{ block: string }>(
    `SELECT DISTINCT block FROM
     (
       SELECT
         block_number AS block, parent_hash,
         lagInFrame(block_number, 1, block_number) OVER w AS previous,
         lagInFrame(block_hash) OVER w AS previous_hash
       FROM execution_block FINAL
       WHERE ${where} AND status = 'complete'
         AND (block_number >= {newest:Int64} OR block_number BETWEEN {from:Int64} AND {to:Int64})
       WINDOW w AS (PARTITION BY processor ORDER BY block_number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
     )
     WHERE previous + 1 = block AND previous_hash != parent_hash
     ORDER BY block DESC LIMIT {limit:UInt32}`,
    // One block below each slice, so that its first block has its neighbour.
    {
      parameters: {
        ...parameters,
        newest: top - newestCompared,
        from: from - 1,
        to: from + sliceBlocks - 1,
      },
    },
  );
  return rows.map(({ block }) => Number(block));
}
