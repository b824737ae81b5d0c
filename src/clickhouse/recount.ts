import { type BlockRange, countBlocks } from "../domain/block-range.ts";
import { dataTables, type Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

export type Recount = {
  /** Complete blocks whose stored rows are more or fewer than their ledger row says. */
  readonly miscounted: number[];
  /** Rows beyond the first under one full key. */
  readonly duplicates: number;
  /** ISO time when the counting began. */
  readonly at: string;
};

/** Blocks counted by one statement: bounds the set of canonical attempts that it holds in memory. */
const blocksPerStatement = 100_000;

/** The full key of a row behind block and attempt, which the sort order begins with. */
const rowKeys = {
  structlog: "transaction_index, `index`, call_frame_id",
  structlog_agg: "transaction_index, call_frame_id, operation",
  transaction: "position",
} as const satisfies Record<Processor, string>;

/** Counts the stored rows of canonical attempts and compares them with the ledger, slice by slice. */
export async function recount(
  clickhouse: ClickHouse,
  query: { network: string; processor: Processor; ranges: readonly BlockRange[] },
): Promise<Recount> {
  const at = new Date().toISOString();
  const miscounted: number[] = [];
  let duplicates = 0;
  for (const slice of query.ranges.flatMap(cutIntoSlices)) {
    miscounted.push(...(await readMiscounted(clickhouse, query, slice)));
    duplicates += await countDuplicates(clickhouse, query, slice);
  }
  return { miscounted, duplicates, at };
}

function cutIntoSlices({ fromBlock, toBlock }: BlockRange): BlockRange[] {
  const count = Math.ceil(countBlocks({ fromBlock, toBlock }) / blocksPerStatement);
  return Array.from({ length: count }, (_, index) => ({
    fromBlock: fromBlock + index * blocksPerStatement,
    toBlock: Math.min(toBlock, fromBlock + (index + 1) * blocksPerStatement - 1),
  }));
}

type Query = { network: string; processor: Processor };

function parametersOf({ network, processor }: Query, { fromBlock, toBlock }: BlockRange) {
  return { network, processor, from: fromBlock, to: toBlock };
}

const inSlice =
  "meta_network_name = {network:String} AND block_number BETWEEN {from:UInt64} AND {to:UInt64}";
const canonical = `
  SELECT block_number, attempt_id, row_count FROM execution_block FINAL
  WHERE ${inSlice} AND processor = {processor:String} AND status = 'complete'`;

/** Rows lie in the order of the key, so groups are finished one after another and take no memory. */
const inOrder = { optimize_aggregation_in_order: 1 } as const;

async function readMiscounted(
  clickhouse: ClickHouse,
  query: Query,
  slice: BlockRange,
): Promise<number[]> {
  const rows = await clickhouse.query<{ block: string }>(
    `SELECT expected.block_number AS block FROM (${canonical}) AS expected
     LEFT JOIN
     (
       SELECT block_number, attempt_id, count() AS stored FROM ${dataTables[query.processor]}
       WHERE ${inSlice} GROUP BY block_number, attempt_id
     ) AS counted USING (block_number, attempt_id)
     WHERE stored != row_count ORDER BY block`,
    { parameters: parametersOf(query, slice), settings: inOrder },
  );
  return rows.map(({ block }) => Number(block));
}

async function countDuplicates(
  clickhouse: ClickHouse,
  query: Query,
  slice: BlockRange,
): Promise<number> {
  const [row] = await clickhouse.query<{ duplicates: string }>(
    `SELECT sum(copies - 1) AS duplicates FROM
     (
       SELECT count() AS copies FROM ${dataTables[query.processor]}
       WHERE ${inSlice}
         AND (block_number, attempt_id) IN (SELECT block_number, attempt_id FROM (${canonical}))
       GROUP BY meta_network_name, block_number, attempt_id, ${rowKeys[query.processor]}
       HAVING copies > 1
     )`,
    { parameters: parametersOf(query, slice), settings: inOrder },
  );
  return Number(row?.duplicates ?? 0);
}
