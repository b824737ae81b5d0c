import type { GapQuery, Gaps } from "../activities/ports.ts";
import {
  type BlockRange,
  countBlocks,
  mergeRanges,
  subtractRanges,
} from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";
import { readIslands, span } from "./islands.ts";
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
  const [due, failures, unchained] = await Promise.all([
    readDue(clickhouse, query),
    readFailures(clickhouse, query),
    readUnchained(clickhouse, query),
  ]);
  return {
    missing: newestBlocks(missing, query.limit),
    due,
    unchained,
    counts: {
      missing: missing.reduce((sum, range) => sum + countBlocks(range), 0),
      failed: Number(failures?.failed ?? 0),
      quarantined: Number(failures?.quarantined ?? 0),
    },
    nextDueAt:
      failures?.next_due_ms == null ? null : new Date(Number(failures.next_due_ms)).toISOString(),
  };
}

async function readMissing(
  clickhouse: ClickHouse,
  { network, expected: ranges }: GapQuery,
  processor: Processor,
): Promise<BlockRange[]> {
  const expected = await closeExpected(clickhouse, { network, processor, ranges });
  const range = span(expected);
  if (!range) return [];
  return subtractRanges(expected, await readIslands(clickhouse, { network, processor, range }));
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

async function readDue(clickhouse: ClickHouse, query: GapQuery): Promise<number[]> {
  const { where, parameters } = rowsOf(query);
  const rows = await clickhouse.query<{ block: string }>(
    `SELECT DISTINCT block_number AS block FROM execution_block FINAL
     WHERE ${where} AND ${isDue}
     ORDER BY block DESC LIMIT {limit:UInt32}`,
    { parameters },
  );
  return rows.map(({ block }) => Number(block));
}

type Failures = { failed: string; quarantined: string; next_due_ms: string | null };

async function readFailures(
  clickhouse: ClickHouse,
  query: GapQuery,
): Promise<Failures | undefined> {
  const { where, parameters } = rowsOf(query);
  const [failures] = await clickhouse.query<Failures>(
    `SELECT
       uniqExactIf(block_number, status = 'failed') AS failed,
       uniqExactIf(block_number, status = 'quarantined') AS quarantined,
       toUnixTimestamp64Milli(minOrNullIf(next_attempt_at, status = 'failed' AND NOT ifNull(${isDue}, 0))) AS next_due_ms
     FROM execution_block FINAL
     WHERE ${where} AND status IN ('failed', 'quarantined')`,
    { parameters },
  );
  return failures;
}

/** Blocks whose hashes one scan compares: the newest, and as many older ones. Hashes are most of the ledger. */
const blocksCompared = 500_000;

/**
 * Neighbours that are both complete: the higher one's parent hash must be the lower one's hash. A ledger longer than
 * a scan is compared slice by slice, another one each minute, so that none is left out for long.
 */
async function readUnchained(clickhouse: ClickHouse, query: GapQuery): Promise<number[]> {
  const { where, parameters } = rowsOf(query);
  const [newest] = await clickhouse.query<{ top: string }>(
    `SELECT max(block_number) AS top FROM execution_block WHERE ${where}`,
    { parameters },
  );
  const top = Number(newest?.top ?? 0);
  const slices = Math.ceil((top + 1) / blocksCompared);
  const from = (Math.floor(parameters.now / 60_000) % slices) * blocksCompared;
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
        newest: top - blocksCompared,
        from: from - 1,
        to: from + blocksCompared - 1,
      },
    },
  );
  return rows.map(({ block }) => Number(block));
}
