import type { Attempt, RowStore, RowWriter } from "../activities/ports.ts";
import { type DataTable, dataTables } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";
import { detachBlock, mergeBlocks } from "./merge-blocks.ts";
import { encodeNativeBlock, type NativeBlock } from "./native-encoder.ts";
import { structlogAggBlock, structlogAggColumnNames } from "./structlog-agg-block.ts";
import { structlogBlock, structlogColumnNames } from "./structlog-block.ts";
import { transactionBlock, transactionColumnNames } from "./transaction-block.ts";

/** Blocks of fewer rows are put together, up to this many, before they are encoded. */
const mergedRows = 8192;

/** Blocks that wait for the next insert into one table. */
type Batch = {
  token: string;
  rows: number;
  bytes: number;
  encoded: Uint8Array[];
  /** Small ones that are not encoded yet, and their rows. */
  small: NativeBlock[];
  smallRows: number;
};

/** Bytes of a row, about, before it is encoded; measured 60 to 300. */
const bytesPerSmallRow = 300;

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

  function batchOf(table: DataTable, { network, blockHash, attemptId }: Attempt): Batch {
    let batch = waiting.get(table);
    if (!batch) {
      const token = `${network}:${table}:${blockHash}:${attemptId}:${nextBatch()}`;
      batch = { token, rows: 0, bytes: 0, encoded: [], small: [], smallRows: 0 };
      waiting.set(table, batch);
    }
    return batch;
  }

  function add(table: DataTable, attempt: Attempt, block: NativeBlock): void {
    const batch = batchOf(table, attempt);
    batch.rows += block.rowCount;
    if (block.rowCount >= mergedRows / 4) {
      keepEncoded(batch, block);
      return;
    }
    batch.small.push(detachBlock(block));
    batch.smallRows += block.rowCount;
    if (batch.smallRows >= mergedRows) encodeSmall(batch);
  }

  return {
    addStructlogs(attempt, columns) {
      if (columns.length === 0) return;
      add(dataTables.structlog, attempt, structlogBlock(attempt, columns, unixSeconds()));
    },
    addStructlogAggs(attempt, columns) {
      if (columns.length === 0) return;
      add(dataTables.structlog_agg, attempt, structlogAggBlock(attempt, columns, unixSeconds()));
    },
    addTransactions(attempt, rows) {
      if (rows.length === 0) return;
      add(dataTables.transaction, attempt, transactionBlock(attempt, rows, unixSeconds()));
    },
    get pending() {
      const batches = [...waiting.values()];
      return {
        rows: batches.reduce((sum, { rows }) => sum + rows, 0),
        bytes: batches.reduce((sum, { bytes, smallRows }) => {
          return sum + bytes + smallRows * bytesPerSmallRow;
        }, 0),
      };
    },
    async flush(signal) {
      const inserts = [...waiting].map(async ([table, batch]) => {
        if (batch.small.length > 0) encodeSmall(batch);
        const { token, encoded } = batch;
        await clickhouse.insertBlocks(table, columnsOf[table], encoded, { token, signal });
        waiting.delete(table);
      });
      // All of them end before the first one's error is thrown: a writer that is flushed again must not overlap itself.
      const outcomes = await Promise.allSettled(inserts);
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    },
  };
}

function encodeSmall(batch: Batch): void {
  keepEncoded(batch, mergeBlocks(batch.small));
  batch.small = [];
  batch.smallRows = 0;
}

function keepEncoded(batch: Batch, block: NativeBlock): void {
  const bytes = encodeNativeBlock(block);
  batch.encoded.push(bytes);
  batch.bytes += bytes.length;
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
