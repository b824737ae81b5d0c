import type { BlockRange } from "../domain/block-range.ts";
import type { LedgerStatus } from "../domain/ledger.ts";
import type { Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

/**
 * Blocks of one bucket: few enough to look at singly, many enough that millions of blocks are few buckets.
 * The projection `coverage_bucket` of the ledger is made of them.
 */
export const bucketBlocks = 1000;

export function bucketOf(blockNumber: number): number {
  return Math.floor(blockNumber / bucketBlocks);
}

export function bucketRange(bucket: number): BlockRange {
  return { fromBlock: bucket * bucketBlocks, toBlock: (bucket + 1) * bucketBlocks - 1 };
}

/** The ledger rows of one bucket that say the same, older versions among them until a merge drops those. */
export type Group = BlockRange & {
  readonly status: "retracted" | "proven" | "unverified" | "failed" | "quarantined";
  readonly versions: number;
  /** Different blocks among them. */
  readonly places: number;
  readonly transactionCount: number;
  readonly rowCount: number;
};

/** All groups of one status as columns: a tenth of the bytes of one object a group. */
type Columns = {
  status: LedgerStatus;
  proof: "proven" | "unverified";
  buckets: number[];
  versions: number[];
  firsts: number[];
  lasts: number[];
  places: number[];
  transactions: number[];
  rows: number[];
};

/**
 * The groups of each bucket that has rows, oldest bucket first. Answered from the projection alone: the expressions
 * are those of its migration, word for word.
 */
export async function readGroups(
  clickhouse: ClickHouse,
  { network, processor, range }: { network: string; processor: Processor; range: BlockRange },
): Promise<Map<number, Group[]>> {
  const all = await clickhouse.query<Columns>(groupsSql, {
    parameters: {
      network,
      processor,
      from: bucketOf(range.fromBlock),
      to: bucketOf(range.toBlock),
    },
  });
  const groups = new Map<number, Group[]>();
  for (const columns of all) {
    const status = columns.status === "complete" ? columns.proof : columns.status;
    columns.buckets.forEach((bucket, at) => {
      const group = toGroup(columns, at, status);
      const inBucket = groups.get(bucket);
      if (inBucket) inBucket.push(group);
      else groups.set(bucket, [group]);
    });
  }
  return new Map([...groups].toSorted(([a], [b]) => a - b));
}

function toGroup(columns: Columns, at: number, status: Group["status"]): Group {
  return {
    status,
    fromBlock: columns.firsts[at] ?? 0,
    toBlock: columns.lasts[at] ?? 0,
    versions: columns.versions[at] ?? 0,
    places: columns.places[at] ?? 0,
    transactionCount: columns.transactions[at] ?? 0,
    rowCount: columns.rows[at] ?? 0,
  };
}

/** For the test that it is answered from the projection. Float64: exact below 2^53, and JSON has it without quotes. */
export const groupsSql = `
  SELECT
    status, proof, groupArray(toUInt32(bucket)) AS buckets, groupArray(toFloat64(group_versions)) AS versions,
    groupArray(toFloat64(first)) AS firsts, groupArray(toFloat64(last)) AS lasts,
    groupArray(toUInt32(group_places)) AS places,
    groupArray(toFloat64(group_transactions)) AS transactions, groupArray(toFloat64(group_rows)) AS rows
  FROM
  (
    SELECT
      intDiv(block_number, ${bucketBlocks}) AS bucket, status, proof,
      count() AS group_versions, min(block_number) AS first, max(block_number) AS last,
      groupBitmap(toUInt16(block_number % ${bucketBlocks})) AS group_places,
      sum(transaction_count) AS group_transactions, sum(row_count) AS group_rows
    FROM execution_block
    WHERE meta_network_name = {network:String} AND processor = {processor:String}
      AND intDiv(block_number, ${bucketBlocks}) BETWEEN {from:UInt64} AND {to:UInt64}
    GROUP BY bucket, status, proof
  )
  GROUP BY status, proof`;

/** Buckets that hold a row of a status, older versions among them, as ranges of blocks. */
export async function readBucketsWith(
  clickhouse: ClickHouse,
  {
    network,
    processors,
    statuses,
  }: {
    network: string;
    processors: readonly Processor[];
    statuses: readonly LedgerStatus[];
  },
): Promise<BlockRange[]> {
  const rows = await clickhouse.query<{ bucket: string }>(
    `SELECT DISTINCT bucket FROM (SELECT intDiv(block_number, ${bucketBlocks}) AS bucket, status, count() AS versions FROM execution_block
     WHERE meta_network_name = {network:String} AND processor IN {processors:Array(String)}
       AND status IN {statuses:Array(String)}
     GROUP BY bucket, status) ORDER BY bucket`,
    { parameters: { network, processors, statuses } },
  );
  return rows.map(({ bucket }) => bucketRange(Number(bucket)));
}
