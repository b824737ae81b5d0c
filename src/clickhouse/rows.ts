import type { Attempt, RowStore, RowWriter } from "../activities/ports.ts";
import { type DataTable, dataTables } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";
import { encodeStructlogAggBlock, structlogAggColumnNames } from "./structlog-agg-block.ts";
import { encodeStructlogBlock, structlogColumnNames } from "./structlog-block.ts";
import { encodeTransactionBlock, transactionColumnNames } from "./transaction-block.ts";

/** Blocks that wait for the next insert into one table. */
type Batch = { token: string; rows: number; bytes: number; blocks: Uint8Array[] };

const columnsOf: Readonly<Record<DataTable, readonly string[]>> = {
  [dataTables.structlog]: structlogColumnNames,
  [dataTables.structlog_agg]: structlogAggColumnNames,
  [dataTables.transaction]: transactionColumnNames,
};

/** Rows of the data tables in ClickHouse. */
export function createRowStore(clickhouse: ClickHouse): RowStore {
  /** Batches of all writers so far: one attempt's rows may pass through several writers. */
  let batchCount = 0;
  return {
    createWriter: () => createRowWriter(clickhouse, () => (batchCount += 1)),
    async countRows(table, attempts, signal) {
      if (attempts.length === 0) return new Map();
      const rows = await clickhouse.query<{ attempt_id: string; rows: string }>(
        `SELECT attempt_id, count() AS rows FROM ${table}
         WHERE meta_network_name IN {networks:Array(String)} AND block_number IN {blocks:Array(UInt64)}
           AND attempt_id IN {attempts:Array(UInt64)}
         GROUP BY attempt_id`,
        {
          parameters: {
            networks: [...new Set(attempts.map(({ network }) => network))],
            blocks: [...new Set(attempts.map(({ blockNumber }) => blockNumber))],
            attempts: attempts.map(({ attemptId }) => BigInt(attemptId)),
          },
          signal,
        },
      );
      return new Map(rows.map((row) => [row.attempt_id, Number(row.rows)]));
    },
  };
}

/** @param nextBatch - a number that no batch had before: with the attempt it names an insert for good. */
function createRowWriter(clickhouse: ClickHouse, nextBatch: () => number): RowWriter {
  const waiting = new Map<DataTable, Batch>();

  function add(table: DataTable, attempt: Attempt, rows: number, block: Uint8Array): void {
    let batch = waiting.get(table);
    if (!batch) {
      const { network, blockHash, attemptId } = attempt;
      const token = `${network}:${table}:${blockHash}:${attemptId}:${nextBatch()}`;
      batch = { token, rows: 0, bytes: 0, blocks: [] };
      waiting.set(table, batch);
    }
    batch.rows += rows;
    batch.bytes += block.length;
    batch.blocks.push(block);
  }

  return {
    addStructlogs(attempt, columns) {
      if (columns.length === 0) return;
      const block = encodeStructlogBlock(attempt, columns, unixSeconds());
      add(dataTables.structlog, attempt, columns.length, block);
    },
    addStructlogAggs(attempt, columns) {
      if (columns.length === 0) return;
      const block = encodeStructlogAggBlock(attempt, columns, unixSeconds());
      add(dataTables.structlog_agg, attempt, columns.length, block);
    },
    addTransactions(attempt, rows) {
      if (rows.length === 0) return;
      const block = encodeTransactionBlock(attempt, rows, unixSeconds());
      add(dataTables.transaction, attempt, rows.length, block);
    },
    get pending() {
      const batches = [...waiting.values()];
      return {
        rows: batches.reduce((sum, { rows }) => sum + rows, 0),
        bytes: batches.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    },
    async flush(signal) {
      for (const [table, { token, blocks }] of waiting) {
        await clickhouse.insertBlocks(table, columnsOf[table], blocks, { token, signal });
        waiting.delete(table);
      }
    },
  };
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
