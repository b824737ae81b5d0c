import type { BlockRange } from "../domain/block-range.ts";
import { dataTables, type Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

/** An attempt whose rows nobody can see: no ledger row names it. */
export type GarbageAttempt = {
  readonly blockNumber: number;
  readonly attemptId: string;
  readonly rows: number;
};

type GarbageQuery = {
  readonly network: string;
  readonly processor: Processor;
  /** Its newest row is older than this, by the clock of the worker that wrote it. */
  readonly olderThan: Date;
  readonly window?: BlockRange;
};

/** Blocks looked at by one statement: bounds the set of canonical attempts that it holds in memory. */
const blocksPerLook = 100_000;
/** Attempts in one batch, and so in the text of one delete. */
const attemptsPerBatch = 500;

/** Finds garbage, oldest blocks first, in bounded batches. Changes nothing. */
export async function* findGarbage(
  clickhouse: ClickHouse,
  query: GarbageQuery,
): AsyncGenerator<readonly GarbageAttempt[]> {
  const stored = await readStoredSpan(clickhouse, query);
  if (!stored) return;
  for (let from = stored.fromBlock; from <= stored.toBlock; from += blocksPerLook) {
    const toBlock = Math.min(from + blocksPerLook - 1, stored.toBlock);
    let found: GarbageAttempt[];
    let after = { block: -1, attempt: "0" };
    do {
      found = await readGarbage(clickhouse, query, { fromBlock: from, toBlock }, after);
      const last = found.at(-1);
      if (!last) break;
      after = { block: last.blockNumber, attempt: last.attemptId };
      yield found;
    } while (found.length === attemptsPerBatch);
  }
}

async function readStoredSpan(
  clickhouse: ClickHouse,
  { network, processor, window }: GarbageQuery,
): Promise<BlockRange | null> {
  const [span] = await clickhouse.query<{ first: string | null; last: string | null }>(
    `SELECT minOrNull(block_number) AS first, maxOrNull(block_number) AS last FROM ${dataTables[processor]}
     WHERE meta_network_name = {network:String}`,
    { parameters: { network } },
  );
  if (span?.first == null || span.last == null) return null;
  const fromBlock = Math.max(Number(span.first), window?.fromBlock ?? 0);
  const toBlock = Math.min(Number(span.last), window?.toBlock ?? Number.MAX_SAFE_INTEGER);
  return fromBlock <= toBlock ? { fromBlock, toBlock } : null;
}

const inLook =
  "meta_network_name = {network:String} AND block_number BETWEEN {from:UInt64} AND {to:UInt64}";

async function readGarbage(
  clickhouse: ClickHouse,
  { network, processor, olderThan }: GarbageQuery,
  { fromBlock, toBlock }: BlockRange,
  after: { readonly block: number; readonly attempt: string },
): Promise<GarbageAttempt[]> {
  const rows = await clickhouse.query<{ block: string; attempt: string; rows: string }>(
    `SELECT block_number AS block, attempt_id AS attempt, count() AS rows
     FROM ${dataTables[processor]}
     WHERE ${inLook}
       AND (block_number > {afterBlock:Int64} OR (block_number = {afterBlock:Int64} AND attempt_id > {afterAttempt:UInt64}))
       AND (block_number, attempt_id) NOT IN
         (SELECT block_number, attempt_id FROM execution_block FINAL
          WHERE ${inLook} AND processor = {processor:String} AND status = 'complete')
     GROUP BY block_number, attempt_id
     HAVING max(updated_date_time) < toDateTime({olderThan:Int64}, 'UTC')
     ORDER BY block_number, attempt_id LIMIT ${attemptsPerBatch}`,
    {
      parameters: {
        network,
        processor,
        from: fromBlock,
        to: toBlock,
        afterBlock: after.block,
        afterAttempt: after.attempt,
        olderThan: Math.floor(olderThan.getTime() / 1000),
      },
      settings: { optimize_aggregation_in_order: 1 },
    },
  );
  return rows.map((row) => ({
    blockNumber: Number(row.block),
    attemptId: row.attempt,
    rows: Number(row.rows),
  }));
}

/**
 * Deletes a batch of garbage, as far as still no ledger row names it. Idempotent. Only the parts of the batch's own
 * partitions are touched. @returns what was deleted.
 */
export async function deleteGarbage(
  clickhouse: ClickHouse,
  { network, processor }: { readonly network: string; readonly processor: Processor },
  batch: readonly GarbageAttempt[],
): Promise<readonly GarbageAttempt[]> {
  const named = await readNamed(clickhouse, { network, processor }, batch);
  const garbage = batch.filter(({ attemptId }) => !named.has(attemptId));
  if (garbage.length === 0) return [];
  const table = dataTables[processor];
  const blocks = garbage.map(({ blockNumber }) => blockNumber);
  const where = `meta_network_name = {network:String}
    AND block_number BETWEEN ${Math.min(...blocks)} AND ${Math.max(...blocks)}
    AND (block_number, attempt_id) IN (${garbage
      .map(({ blockNumber, attemptId }) => `(${blockNumber}, ${attemptId})`)
      .join(", ")})`;
  const partitions = await clickhouse.query<{ id: string }>(
    `SELECT DISTINCT _partition_id AS id FROM ${table} WHERE ${where}`,
    { parameters: { network } },
  );
  for (const { id } of partitions) {
    await clickhouse.command(`DELETE FROM ${table} IN PARTITION ID '${id}' WHERE ${where}`, {
      parameters: { network },
      settings: { lightweight_deletes_sync: "2" },
    });
  }
  return garbage;
}

async function readNamed(
  clickhouse: ClickHouse,
  { network, processor }: { network: string; processor: Processor },
  batch: readonly GarbageAttempt[],
): Promise<ReadonlySet<string>> {
  const rows = await clickhouse.query<{ attempt: string }>(
    `SELECT attempt_id AS attempt FROM execution_block FINAL
     WHERE meta_network_name = {network:String} AND processor = {processor:String}
       AND block_number IN (${[...new Set(batch.map(({ blockNumber }) => blockNumber))].join(", ")})
       AND status = 'complete'`,
    { parameters: { network, processor } },
  );
  return new Set(rows.map(({ attempt }) => attempt));
}
