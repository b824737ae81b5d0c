import type { GapQuery, Gaps } from "../activities/ports.ts";
import {
  type BlockRange,
  countBlocks,
  mergeRanges,
  subtractRanges,
} from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import { readBucketsWith } from "./buckets.ts";
import type { ClickHouse } from "./client.ts";
import { intersectRanges } from "./coverage.ts";
import { chunkRanges, inRanges, readStretches } from "./islands.ts";
import { closeExpected } from "./ranges.ts";

/**
 * What has to be done, newest first. A block counts once, however many processors lack it. A retracted row is a
 * missing block as soon as the block is expected again.
 */
export async function readGaps(clickhouse: ClickHouse, query: GapQuery): Promise<Gaps> {
  const perProcessor = await Promise.all(
    query.processors.map((processor) => readMissing(clickhouse, query, processor)),
  );
  const missing = subtractRanges(perProcessor.flat(), query.inHand);
  const [failures, unchained] = await Promise.all([
    readFailures(clickhouse, query),
    readUnchained(clickhouse, query),
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
  };
}

/** Ranges of missing blocks that one scan holds at most, the newest: it can do only some hundred of them. */
const maximumRanges = 100_000;

async function readMissing(
  clickhouse: ClickHouse,
  { network, expected: ranges }: GapQuery,
  processor: Processor,
): Promise<BlockRange[]> {
  const expected = await closeExpected(clickhouse, { network, processor, ranges });
  let missing: BlockRange[] = [];
  for await (const { range, islands } of readStretches(clickhouse, {
    network,
    processor,
    expected,
  })) {
    missing.push(...subtractRanges(intersectRanges(expected, range), islands));
    if (missing.length > 2 * maximumRanges) missing = missing.slice(-maximumRanges);
  }
  return missing;
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

type FailureRow = {
  failed: string;
  quarantined: string;
  next_due_ms: string | null;
  due: string[];
};
type Failures = { failed: number; quarantined: number; nextDueMs: number | null; due: number[] };

/** Looks only at buckets that hold a row of these statuses: they are few, whatever the ledger's length. */
async function readFailures(clickhouse: ClickHouse, query: GapQuery): Promise<Failures> {
  const { network, processors, limit } = query;
  const statuses = ["failed", "quarantined"] as const;
  const buckets = await readBucketsWith(clickhouse, { network, processors, statuses });
  const total: Failures = { failed: 0, quarantined: 0, nextDueMs: null, due: [] };
  for (const ranges of chunkRanges(buckets)) {
    const found = await readFailuresIn(clickhouse, query, ranges);
    if (!found) continue;
    total.failed += Number(found.failed);
    total.quarantined += Number(found.quarantined);
    if (total.due.length < limit) total.due.push(...found.due.map(Number));
    const nextDueMs = found.next_due_ms === null ? null : Number(found.next_due_ms);
    if (nextDueMs !== null) total.nextDueMs = Math.min(total.nextDueMs ?? nextDueMs, nextDueMs);
  }
  return { ...total, due: total.due.slice(0, limit) };
}

async function readFailuresIn(
  clickhouse: ClickHouse,
  query: GapQuery,
  ranges: readonly BlockRange[],
): Promise<FailureRow | undefined> {
  const { where, parameters } = rowsOf(query);
  const [failures] = await clickhouse.query<FailureRow>(
    `SELECT
       uniqExactIf(block_number, status = 'failed') AS failed,
       uniqExactIf(block_number, status = 'quarantined') AS quarantined,
       toUnixTimestamp64Milli(minOrNullIf(next_attempt_at, status = 'failed' AND NOT ifNull(${isDue}, 0))) AS next_due_ms,
       arraySlice(arrayReverseSort(groupUniqArrayIf(block_number, ifNull(${isDue}, 0))), 1, {limit:UInt32}) AS due
     FROM execution_block FINAL
     WHERE ${where} AND status IN ('failed', 'quarantined') AND (${inRanges(ranges)})`,
    { parameters },
  );
  return failures;
}

/**
 * Blocks whose hashes one scan compares: the newest, where reorgs are, and a slice of the others. Hashes are most of
 * the ledger.
 */
const newestCompared = 20_000;
const sliceBlocks = 100_000;
const sliceMs = 15_000;

/**
 * Neighbours that are both complete: the higher one's parent hash must be the lower one's hash. A ledger longer than
 * a scan is compared slice by slice, another one every 15 s, so that none is left out for long (50 million blocks:
 * two hours).
 */
async function readUnchained(clickhouse: ClickHouse, query: GapQuery): Promise<number[]> {
  const { where, parameters } = rowsOf(query);
  const [newest] = await clickhouse.query<{ top: string }>(
    `SELECT max(block_number) AS top FROM execution_block WHERE ${where}`,
    { parameters },
  );
  const top = Number(newest?.top ?? 0);
  const slices = Math.ceil((top + 1) / sliceBlocks);
  const from = (Math.floor(parameters.now / sliceMs) % slices) * sliceBlocks;
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
