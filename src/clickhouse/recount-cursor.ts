import type { Miscount, RecountStore } from "../activities/ports.ts";
import type { BlockRange } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import { StorageRefusedError } from "../errors.ts";
import { bucketBlocks, bucketOf, bucketRange } from "./buckets.ts";
import type { ClickHouse } from "./client.ts";
import { type Recount, recount } from "./recount.ts";
import { newToken } from "./token.ts";

const table = "execution_recount";

/** Rows that one round counts, about: a second or two of ClickHouse's time. A bucket alone may have more. */
const rowsPerRound = 50_000_000;
const bucketsPerRound = 100;

/** Seconds after its last change before a bucket is counted: what is being written is counted by its writer. */
const restSeconds = 60;
const againAfterHours = 24;
/** Where rows were found missing: whoever found it may only have asked, or died before it was booked. */
const againAfterSeconds = 60;
/** What a server that died may have lost: written so many seconds before it started, and never forced to the disk. */
const unsafeSeconds = 3600;

type DueBucket = {
  bucket: string;
  versions: string;
  attempts_sum: string;
  rows: string;
};

/** The complete ledger rows of each bucket, from the projection `coverage_bucket`. */
const promised = (which = "") => `
  SELECT
    bucket, sum(group_versions) AS versions, sum(group_attempts) AS attempts_sum, sum(group_rows) AS rows,
    max(group_changed) AS changed_at
  FROM
  (
    SELECT
      intDiv(block_number, ${bucketBlocks}) AS bucket, status, proof, count() AS group_versions,
      sum(attempt_id) AS group_attempts, sum(row_count) AS group_rows, max(updated_at) AS group_changed
    FROM execution_block
    WHERE meta_network_name = {network:String} AND processor = {processor:String} AND status = 'complete'
      ${which}
    GROUP BY bucket, status, proof
  )
  GROUP BY bucket`;

const counted = `
  SELECT bucket, versions AS counted_versions, attempts_sum AS counted_attempts, miscounted AS counted_wrong, counted_at
  FROM ${table} FINAL
  WHERE meta_network_name = {network:String} AND processor = {processor:String}`;

const isSame = "versions = counted_versions AND attempts_sum = counted_attempts";

/** The cursor of gap-fill's recount: which blocks were counted again, and which come next. */
export function createRecountStore(clickhouse: ClickHouse): RecountStore {
  return {
    async recountNext({ network, processors }) {
      const found: Miscount[] = [];
      for (const processor of processors) {
        const due = await readDue(clickhouse, network, processor);
        if (due.length === 0) continue;
        const ranges = due.map(({ bucket }) => bucketRange(Number(bucket)));
        const { miscounted, at } = await recount(clickhouse, { network, processor, ranges });
        await keep(clickhouse, { network, processor, due, miscounted, at });
        if (miscounted.length > 0) found.push({ processor, blocks: miscounted });
      }
      return found;
    },
  };
}

/**
 * Buckets to count next: first what a server that restarted may have lost, then what is new or changed and has come to
 * rest, newest first; then what was counted longest ago, a day or, where rows were found missing, a minute.
 */
async function readDue(
  clickhouse: ClickHouse,
  network: string,
  processor: Processor,
): Promise<DueBucket[]> {
  const rows = await clickhouse.query<DueBucket>(
    `WITH now64(3) - toIntervalSecond(uptime()) AS started_at
     SELECT bucket, versions, attempts_sum, rows,
       changed_at >= started_at - INTERVAL ${unsafeSeconds} SECOND AND changed_at < started_at
         AND counted_at < started_at AS is_unsafe,
       NOT (${isSame}) AS is_changed
     FROM (${promised()}) AS promised LEFT JOIN (${counted}) AS counted USING (bucket)
     WHERE rows > 0
       AND (is_unsafe
         OR (is_changed AND changed_at < now64(3) - INTERVAL ${restSeconds} SECOND)
         OR (NOT is_changed AND counted_at < now64(3) - INTERVAL ${againAfterHours} HOUR)
         OR (NOT is_changed AND counted_wrong > 0 AND counted_at < now64(3) - INTERVAL ${againAfterSeconds} SECOND))
     ORDER BY is_unsafe DESC, is_changed DESC, if(is_unsafe OR is_changed, -toInt64(bucket), toInt64(toUnixTimestamp(counted_at)))
     LIMIT ${bucketsPerRound}`,
    { parameters: { network, processor } },
  );
  return withinBudget(rows);
}

/** As many as the budget has rows for, one at least. */
function withinBudget(due: readonly DueBucket[]): DueBucket[] {
  const taken: DueBucket[] = [];
  let left = rowsPerRound;
  for (const bucket of due) {
    if (taken.length > 0 && Number(bucket.rows) > left) break;
    taken.push(bucket);
    left -= Number(bucket.rows);
  }
  return taken;
}

async function keep(
  clickhouse: ClickHouse,
  {
    network,
    processor,
    due,
    miscounted,
    at,
  }: {
    network: string;
    processor: Processor;
    due: readonly DueBucket[];
    miscounted: readonly number[];
    at: string;
  },
): Promise<void> {
  const wrong = new Map<number, number>();
  for (const block of miscounted) {
    wrong.set(bucketOf(block), (wrong.get(bucketOf(block)) ?? 0) + 1);
  }
  const rows = due.map(({ bucket, versions, attempts_sum, rows: row_count }) => ({
    meta_network_name: network,
    processor,
    bucket,
    versions,
    attempts_sum,
    row_count,
    miscounted: wrong.get(Number(bucket)) ?? 0,
    counted_at: at,
  }));
  await clickhouse.insertRows(table, rows, { token: newToken(table) });
}

/**
 * Counts the rows of whole ranges now, and remembers it of the buckets that lie in them.
 * @param query.ranges - merged.
 */
export async function recountNow(
  clickhouse: ClickHouse,
  query: {
    readonly network: string;
    readonly processor: Processor;
    readonly ranges: readonly BlockRange[];
  },
): Promise<Recount> {
  const { network, processor, ranges } = query;
  // Read before the rows are: what is stored meanwhile makes the buckets others.
  const buckets = await clickhouse.query<DueBucket>(
    `SELECT bucket, versions, attempts_sum, rows FROM (${promised()}) ORDER BY bucket`,
    { parameters: { network, processor } },
  );
  const result = await recount(clickhouse, query);
  const due = wholeBuckets(buckets, ranges);
  try {
    if (due.length > 0) await keep(clickhouse, { network, processor, due, ...result });
  } catch (error) {
    // Who may only read can verify all the same.
    if (!(error instanceof StorageRefusedError)) throw error;
  }
  return result;
}

/** Buckets of which every block lies in the ranges; both ascend. */
function wholeBuckets(buckets: readonly DueBucket[], ranges: readonly BlockRange[]): DueBucket[] {
  let at = 0;
  return buckets.filter(({ bucket }) => {
    const { fromBlock, toBlock } = bucketRange(Number(bucket));
    while (at < ranges.length && ranges[at]!.toBlock < fromBlock) at += 1;
    const range = ranges[at];
    return range !== undefined && range.fromBlock <= fromBlock && toBlock <= range.toBlock;
  });
}

/** Where nothing was counted again yet, nothing else is read either. */
const isCounted = `intDiv(block_number, ${bucketBlocks}) IN
  (SELECT bucket FROM ${table} WHERE meta_network_name = {network:String} AND processor = {processor:String})`;

/** When each bucket was last counted, in milliseconds; those are left out whose rows are others by now. */
export async function readRecounts(
  clickhouse: ClickHouse,
  { network, processor }: { network: string; processor: Processor },
): Promise<ReadonlyMap<number, number>> {
  const [row] = await clickhouse.query<{ buckets: number[]; times: number[] }>(
    `SELECT groupArray(toUInt32(bucket)) AS buckets, groupArray(toFloat64(toUnixTimestamp64Milli(counted_at))) AS times
     FROM (${promised(`AND ${isCounted}`)}) AS promised INNER JOIN (${counted}) AS counted USING (bucket)
     WHERE ${isSame}`,
    { parameters: { network, processor } },
  );
  return new Map(row?.buckets.map((bucket, index) => [bucket, row.times[index] ?? 0]));
}
