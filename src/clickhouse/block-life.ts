import type { ExpectedRange } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import type { LedgerRow } from "../domain/ledger.ts";
import { dataTables, type Processor } from "../domain/processor.ts";
import { bucketOf } from "./buckets.ts";
import type { ClickHouse } from "./client.ts";
import { createLedger } from "./ledger.ts";
import { createRangeStore } from "./ranges.ts";
import { readRecounts } from "./recount-cursor.ts";

export type StoredAttempt = {
  readonly processor: Processor;
  readonly attemptId: string;
  readonly rows: number;
  /** Whether the ledger names it: then its rows are those that the view shows. */
  readonly canonical: boolean;
};

export type BlockReorg = {
  readonly at: string;
  readonly depth: number;
  readonly oldHash: Hex;
  /** Zeros where the new branch did not reach. */
  readonly newHash: Hex;
  readonly retractedRows: number;
  readonly reason: string;
};

/** Everything that is known of one block. */
export type BlockLife = {
  readonly network: string;
  readonly blockNumber: number;
  /** Ranges that expect it, whatever became of their jobs; one that is open counts from its first block on. */
  readonly expectedBy: readonly ExpectedRange[];
  /** The rows that count, one a processor. */
  readonly standing: readonly LedgerRow[];
  /** Every version ever written, oldest first: attempts, verdicts, requeues, releases. */
  readonly story: readonly (LedgerRow & { readonly updatedAt: string })[];
  readonly reorgs: readonly BlockReorg[];
  /** What stands in the data tables under each attempt, counted now. */
  readonly stored: readonly StoredAttempt[];
  /** When gap-fill last counted its rows; null where it has not since they were stored. */
  readonly recounted: readonly { readonly processor: Processor; readonly at: string | null }[];
};

/** Reads the whole life of a block; every part of it is found by the tables' keys. */
export async function readBlockLife(
  clickhouse: ClickHouse,
  {
    network,
    processors,
    blockNumber,
  }: { network: string; processors: readonly Processor[]; blockNumber: number },
): Promise<BlockLife> {
  const ledger = createLedger(clickhouse);
  const [ranges, standing, story, reorgs, stored, recounted] = await Promise.all([
    createRangeStore(clickhouse).read(network),
    ledger.readBlocks(network, processors, [blockNumber]),
    ledger.history(network, blockNumber),
    readReorgs(clickhouse, network, blockNumber),
    Promise.all(
      processors.map((processor) => readStored(clickhouse, { network, processor, blockNumber })),
    ),
    Promise.all(
      processors.map(async (processor) => {
        const at = (await readRecounts(clickhouse, { network, processor })).get(
          bucketOf(blockNumber),
        );
        return { processor, at: at === undefined ? null : new Date(at).toISOString() };
      }),
    ),
  ]);
  return {
    network,
    blockNumber,
    expectedBy: ranges.filter(
      ({ processor, fromBlock, toBlock }) =>
        processors.includes(processor) &&
        fromBlock <= blockNumber &&
        (toBlock === null || blockNumber <= toBlock),
    ),
    standing,
    story,
    reorgs,
    stored: withCanonical(stored.flat(), standing),
    recounted,
  };
}

/** Marks the attempts that the ledger names; one of which no row is left is told too. */
function withCanonical(
  stored: readonly Omit<StoredAttempt, "canonical">[],
  standing: readonly LedgerRow[],
): StoredAttempt[] {
  const named = standing.filter(({ status }) => status === "complete");
  const isNamed = (attempt: Omit<StoredAttempt, "canonical">) =>
    named.some((row) => row.processor === attempt.processor && row.attemptId === attempt.attemptId);
  const lost = named
    .filter((row) => row.rowCount > 0)
    .map(({ processor, attemptId }) => ({ processor, attemptId, rows: 0 }))
    .filter(
      (row) =>
        !stored.some((one) => one.processor === row.processor && one.attemptId === row.attemptId),
    );
  return [...stored, ...lost].map((attempt) => ({ ...attempt, canonical: isNamed(attempt) }));
}

async function readStored(
  clickhouse: ClickHouse,
  {
    network,
    processor,
    blockNumber,
  }: { network: string; processor: Processor; blockNumber: number },
): Promise<Omit<StoredAttempt, "canonical">[]> {
  const rows = await clickhouse.query<{ attempt_id: string; rows: string }>(
    `SELECT attempt_id, count() AS rows FROM ${dataTables[processor]}
     WHERE meta_network_name = {network:String} AND block_number = {blockNumber:UInt64}
     GROUP BY attempt_id ORDER BY min(updated_date_time), attempt_id`,
    { parameters: { network, blockNumber } },
  );
  return rows.map((row) => ({ processor, attemptId: row.attempt_id, rows: Number(row.rows) }));
}

async function readReorgs(
  clickhouse: ClickHouse,
  network: string,
  blockNumber: number,
): Promise<BlockReorg[]> {
  const rows = await clickhouse.query<{
    at_us: string;
    depth: string;
    old_hash: Hex;
    new_hash: Hex;
    retracted_rows: string;
    reason: string;
  }>(
    `SELECT toUnixTimestamp64Micro(reorged_at) AS at_us, depth, reason, retracted_rows,
       old_hashes[indexOf(block_numbers, {blockNumber:UInt64})] AS old_hash,
       new_hashes[indexOf(block_numbers, {blockNumber:UInt64})] AS new_hash
     FROM reorgs
     WHERE meta_network_name = {network:String} AND has(block_numbers, {blockNumber:UInt64})
     ORDER BY reorged_at`,
    { parameters: { network, blockNumber } },
  );
  return rows.map((row) => ({
    at: new Date(Number(row.at_us) / 1000).toISOString(),
    depth: Number(row.depth),
    oldHash: row.old_hash,
    newHash: row.new_hash,
    retractedRows: Number(row.retracted_rows),
    reason: row.reason,
  }));
}
