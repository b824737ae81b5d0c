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

type Row = {
  bucket: string;
  status: LedgerStatus;
  proof: "proven" | "unverified";
  versions: string;
  first: string;
  last: string;
  places: number;
  transactions: string;
  rows: string;
};

/**
 * The groups of each bucket that has rows, oldest bucket first. Answered from the projection alone: the expressions
 * are those of its migration, word for word.
 */
export async function readGroups(
  clickhouse: ClickHouse,
  { network, processor, range }: { network: string; processor: Processor; range: BlockRange },
): Promise<Map<number, Group[]>> {
  const rows = await clickhouse.query<Row>(groupsSql, {
    parameters: {
      network,
      processor,
      from: bucketOf(range.fromBlock),
      to: bucketOf(range.toBlock),
    },
  });
  const groups = new Map<number, Group[]>();
  for (const row of rows) {
    const bucket = Number(row.bucket);
    const group = {
      fromBlock: Number(row.first),
      toBlock: Number(row.last),
      status: row.status === "complete" ? row.proof : row.status,
      versions: Number(row.versions),
      places: row.places,
      transactionCount: Number(row.transactions),
      rowCount: Number(row.rows),
    } as const;
    const inBucket = groups.get(bucket);
    if (inBucket) inBucket.push(group);
    else groups.set(bucket, [group]);
  }
  return groups;
}

/** For the test that it is answered from the projection. */
export const groupsSql = `
  SELECT
    intDiv(block_number, ${bucketBlocks}) AS bucket, status, proof,
    count() AS versions, min(block_number) AS first, max(block_number) AS last,
    groupBitmap(toUInt16(block_number % ${bucketBlocks})) AS places,
    sum(transaction_count) AS transactions, sum(row_count) AS rows
  FROM execution_block
  WHERE meta_network_name = {network:String} AND processor = {processor:String}
    AND intDiv(block_number, ${bucketBlocks}) BETWEEN {from:UInt64} AND {to:UInt64}
  GROUP BY bucket, status, proof
  ORDER BY bucket`;

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
