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
  /** Rounded to 53 bits: a higher one is higher, equal ones may differ. */
  readonly lowestVersion: number;
  readonly highestVersion: number;
  readonly transactionCount: number;
  readonly rowCount: number;
};

export type Bucket = {
  readonly groups: readonly Group[];
  /** Different blocks among all groups, or more: then it is open which rows stand. */
  readonly places: number;
};

/** The buckets that have rows, by their numbers, ascending. */
export type Buckets = ReadonlyMap<number, Bucket>;

/**
 * The group that hides all others: each of its blocks has one row of it and no higher one of another group, and no
 * other block has a row. null where counts do not tell.
 */
export function standingGroup({ groups, places }: Bucket): Group | null {
  const standing = groups.find((one) => one.versions === places && one.places === places);
  const isHidden = (other: Group) =>
    other === standing || other.highestVersion < (standing?.lowestVersion ?? 0);
  return standing && groups.every(isHidden) ? standing : null;
}

/** Buckets in which a row of one of the statuses may stand, as ranges of blocks, ascending. */
export function bucketsWith(
  perProcessor: readonly Buckets[],
  statuses: readonly Group["status"][],
): BlockRange[] {
  const isAsked = ({ status }: Group) => statuses.includes(status);
  const found = perProcessor.flatMap((buckets) =>
    [...buckets].flatMap(([number, bucket]) => {
      if (!bucket.groups.some(isAsked)) return [];
      const standing = standingGroup(bucket);
      return standing && !isAsked(standing) ? [] : [number];
    }),
  );
  return [...new Set(found)].toSorted((a, b) => a - b).map(bucketRange);
}

/** All groups of one status as columns: a tenth of the bytes of one object a group. */
type Columns = {
  status: LedgerStatus;
  proof: "proven" | "unverified";
  buckets: number[];
  versions: number[];
  firsts: number[];
  lasts: number[];
  places: number[];
  lowest: number[];
  highest: number[];
  transactions: number[];
  rows: number[];
};

type BucketQuery = {
  readonly network: string;
  readonly processor: Processor;
  /** Absent: all that the ledger has. */
  readonly range?: BlockRange;
};

/** The buckets that have rows. Answered from the projection alone, a second look included where blocks may have several. */
export async function readBuckets(clickhouse: ClickHouse, query: BucketQuery): Promise<Buckets> {
  const { network, processor, range } = query;
  const parameters = {
    network,
    processor,
    from: bucketOf(range?.fromBlock ?? 0),
    to: bucketOf(range?.toBlock ?? Number.MAX_SAFE_INTEGER),
  };
  const groups = toGroups(await clickhouse.query<Columns>(groupsSql, { parameters }));
  // After the groups: what is written in between makes places more, and the bucket open.
  const places = [...groups.values()].some(mayHide)
    ? await readPlaces(clickhouse, parameters)
    : new Map<number, number>();
  return new Map(
    [...groups]
      .toSorted(([a], [b]) => a - b)
      .map(([bucket, inBucket]) => {
        const versions = inBucket.reduce((sum, group) => sum + group.versions, 0);
        return [bucket, { groups: inBucket, places: places.get(bucket) ?? versions }];
      }),
  );
}

/** Whether rows of one group may hide those of another. */
const mayHide = (groups: readonly Group[]) => groups.length > 1;

function toGroups(all: readonly Columns[]): Map<number, Group[]> {
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
  return groups;
}

function toGroup(columns: Columns, at: number, status: Group["status"]): Group {
  return {
    status,
    fromBlock: columns.firsts[at] ?? 0,
    toBlock: columns.lasts[at] ?? 0,
    versions: columns.versions[at] ?? 0,
    places: columns.places[at] ?? 0,
    lowestVersion: columns.lowest[at] ?? 0,
    highestVersion: columns.highest[at] ?? 0,
    transactionCount: columns.transactions[at] ?? 0,
    rowCount: columns.rows[at] ?? 0,
  };
}

async function readPlaces(
  clickhouse: ClickHouse,
  parameters: Record<string, unknown>,
): Promise<ReadonlyMap<number, number>> {
  const [row] = await clickhouse.query<{ buckets: number[]; places: number[] }>(placesSql, {
    parameters,
  });
  return new Map(row?.buckets.map((bucket, at) => [bucket, row.places[at] ?? 0]));
}

// Word for word the expressions of the projection's migration, or it is not used: a test explains both.

const bucketExpression = `intDiv(block_number, ${bucketBlocks})`;
const placesExpression = `groupBitmap(toUInt16(block_number % ${bucketBlocks}))`;
const inBuckets = `
  meta_network_name = {network:String} AND processor = {processor:String}
  AND ${bucketExpression} BETWEEN {from:UInt64} AND {to:UInt64}`;

/** Float64: exact below 2^53, and JSON has it without quotes. */
export const groupsSql = `
  SELECT
    status, proof, groupArray(toUInt32(bucket)) AS buckets, groupArray(toFloat64(group_versions)) AS versions,
    groupArray(toFloat64(first)) AS firsts, groupArray(toFloat64(last)) AS lasts,
    groupArray(toUInt32(group_places)) AS places,
    groupArray(toFloat64(group_lowest)) AS lowest, groupArray(toFloat64(group_highest)) AS highest,
    groupArray(toFloat64(group_transactions)) AS transactions, groupArray(toFloat64(group_rows)) AS rows
  FROM
  (
    SELECT
      ${bucketExpression} AS bucket, status, proof,
      count() AS group_versions, min(block_number) AS first, max(block_number) AS last,
      ${placesExpression} AS group_places, min(version) AS group_lowest, max(version) AS group_highest,
      sum(transaction_count) AS group_transactions, sum(row_count) AS group_rows
    FROM execution_block
    WHERE ${inBuckets}
    GROUP BY bucket, status, proof
  )
  GROUP BY status, proof`;

/** Only of buckets with several versions of a block: the versions of the others are their places. */
export const placesSql = `
  SELECT groupArray(toUInt32(bucket)) AS buckets, groupArray(toUInt32(bucket_places)) AS places
  FROM
  (
    SELECT ${bucketExpression} AS bucket, count() AS bucket_versions, ${placesExpression} AS bucket_places
    FROM execution_block
    WHERE ${inBuckets}
    GROUP BY bucket
  )
  WHERE bucket_versions > bucket_places`;
