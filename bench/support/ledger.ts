import type { ClickHouse } from "../../src/clickhouse/client.ts";
import { type Processor, processors } from "../../src/domain/processor.ts";

const rowsPerInsert = 1_000_000;

/**
 * Fills `execution_block` with rows that the server makes itself: a long chain of proven blocks per processor, with
 * what a real ledger has besides. Of every 100,000 blocks 20 are missing, 10 failed, 5 in quarantine, 50 unverified;
 * each failed one that was tried before has an older version, as 1 of 100 complete ones.
 * @returns the blocks of each processor.
 */
export async function fillLedger(
  clickhouse: ClickHouse,
  { network, rows, say }: { network: string; rows: number; say: (line: string) => void },
): Promise<number> {
  const blocks = Math.floor(rows / processors.length);
  for (const processor of processors) {
    for (let from = 0; from < blocks; from += rowsPerInsert) {
      const to = Math.min(from + rowsPerInsert, blocks);
      await insertVersions(clickhouse, { network, processor, from, to });
    }
    say(`${processor}: ${blocks} blocks`);
  }
  await clickhouse.command(
    `INSERT INTO execution_range (meta_network_name, processor, from_block, to_block, origin, workflow_id, state)
     SELECT '${network}', arrayJoin(['${processors.join("', '")}']), 0, ${blocks - 1}, 'backfill', 'backfill/${network}/0-${blocks - 1}', 'done'`,
  );
  return blocks;
}

type Slice = { network: string; processor: Processor; from: number; to: number };

/** Older versions first, in an insert of their own: one insert keeps only the winner of each block. */
async function insertVersions(clickhouse: ClickHouse, slice: Slice): Promise<void> {
  await insertSlice(clickhouse, slice, {
    where: "number % 100 = 7 OR status = 'failed'",
    attempts: 1,
    status: "'failed'",
  });
  await insertSlice(clickhouse, slice, { where: "1", attempts: 2, status: "status" });
}

async function insertSlice(
  clickhouse: ClickHouse,
  { network, processor, from, to }: Slice,
  version: { where: string; attempts: number; status: string },
): Promise<void> {
  await clickhouse.command(
    `INSERT INTO execution_block (meta_network_name, processor, block_number, block_hash, parent_hash, attempt_id, status,
       generation, attempts, version, transaction_count, structlog_count, row_count, proof, node, workflow_id)
     SELECT
       '${network}', '${processor}', number, concat('0x', leftPad(hex(number + 1), 64, '0')),
       concat('0x', leftPad(hex(number), 64, '0')), if(stands = 'complete', number + 1, 0), ${version.status} AS stands,
       0, ${version.attempts}, bitShiftLeft(CAST(stands, 'Enum8(\\'retracted\\' = 0, \\'failed\\' = 1, \\'quarantined\\' = 2, \\'complete\\' = 3)')::UInt64, 16) + ${version.attempts},
       150, 40000, 40500, if(stands = 'complete' AND place NOT BETWEEN 900 AND 949, 'proven', 'unverified'), 'archive', 'backfill'
     FROM
     (
       SELECT number, number % 100000 AS place,
         multiIf(place BETWEEN 500 AND 509, 'failed', place BETWEEN 700 AND 704, 'quarantined', 'complete') AS status
       FROM numbers(${from}, ${to - from}) WHERE place NOT IN (range(0, 40, 2))
     )
     WHERE ${version.where}`,
  );
}
