import type { Ledger } from "../activities/ports.ts";
import type { BlockRef, Hex } from "../domain/chain.ts";
import type { LedgerRow } from "../domain/ledger.ts";
import type { ClickHouse } from "./client.ts";
import { readCoverage } from "./coverage.ts";
import { readGaps } from "./gaps.ts";
import {
  fromStoredRow,
  type StoredRow,
  storedColumns,
  toColumns,
  updatedAt,
} from "./ledger-row.ts";
import { newToken } from "./token.ts";

const table = "execution_block";

/** The ledger in ClickHouse: `execution_block` and its events. */
export function createLedger(clickhouse: ClickHouse): Ledger {
  return {
    read: ({ network, processors, range }, signal) =>
      readRows(clickhouse, {
        where: "block_number BETWEEN {from:UInt64} AND {to:UInt64}",
        parameters: { network, processors, from: range.fromBlock, to: range.toBlock },
        signal,
      }),
    async readBlocks(network, processors, blockNumbers) {
      if (blockNumbers.length === 0) return [];
      const where = "block_number IN {numbers:Array(UInt64)}";
      const parameters = { network, processors, numbers: blockNumbers };
      return readRows(clickhouse, { where, parameters });
    },
    hashesAbove: (network, aboveBlock, limit) =>
      readHashesAbove(clickhouse, network, aboveBlock, limit),
    async write(rows, signal) {
      if (rows.length === 0) return;
      await clickhouse.insertRows(table, rows.map(toColumns), { token: newToken(table), signal });
    },
    findGaps: (query) => readGaps(clickhouse, query),
    async findByStatus({ network, status, kind, range, limit }) {
      const rows = await clickhouse.query<{ block_number: string }>(
        `SELECT DISTINCT block_number FROM ${table} FINAL
         WHERE meta_network_name = {network:String} AND status = {status:String}
           ${kind === undefined ? "" : "AND error_kind = {kind:String}"}
           ${range ? "AND block_number BETWEEN {from:UInt64} AND {to:UInt64}" : ""}
         ORDER BY block_number DESC LIMIT {limit:UInt32}`,
        {
          parameters: {
            network,
            status,
            limit,
            ...(kind === undefined ? {} : { kind }),
            ...(range ? { from: range.fromBlock, to: range.toBlock } : {}),
          },
        },
      );
      return rows.map(({ block_number }) => Number(block_number));
    },
    coverage: (query) => readCoverage(clickhouse, query),
    async history(network, blockNumber) {
      const rows = await clickhouse.query<StoredRow>(
        `SELECT ${storedColumns} FROM execution_block_event
         WHERE meta_network_name = {network:String} AND block_number = {blockNumber:UInt64}
         ORDER BY execution_block_event.updated_at, version, processor`,
        { parameters: { network, blockNumber } },
      );
      return rows.map((row) => ({ ...fromStoredRow(row), updatedAt: updatedAt(row) }));
    },
  };
}

async function readRows(
  clickhouse: ClickHouse,
  query: { where: string; parameters: Record<string, unknown>; signal?: AbortSignal | undefined },
): Promise<LedgerRow[]> {
  const rows = await clickhouse.query<StoredRow>(
    `SELECT ${storedColumns} FROM ${table} FINAL
     WHERE meta_network_name = {network:String} AND processor IN {processors:Array(String)}
       AND ${query.where}
     ORDER BY block_number, processor`,
    { parameters: query.parameters, signal: query.signal },
  );
  return rows.map(fromStoredRow);
}

/**
 * Looks at the newest `limit` numbers first, which hold enough where the ledger has no holes, and further down only
 * if they do not: the whole ledger of a chain without finality takes seconds.
 */
async function readHashesAbove(
  clickhouse: ClickHouse,
  network: string,
  aboveBlock: number,
  limit: number,
): Promise<BlockRef[]> {
  const [newest] = await clickhouse.query<{ top: string | null }>(
    `SELECT maxOrNull(block_number) AS top FROM ${table} WHERE meta_network_name = {network:String}`,
    { parameters: { network } },
  );
  const top = Number(newest?.top ?? -1);
  for (let width = limit; ; width *= 8) {
    const above = Math.max(aboveBlock, top - width);
    const refs = await readRefs(clickhouse, network, above, limit);
    if (refs.length >= limit || above === aboveBlock) return refs;
  }
}

async function readRefs(
  clickhouse: ClickHouse,
  network: string,
  above: number,
  limit: number,
): Promise<BlockRef[]> {
  const rows = await clickhouse.query<{ number: string; hash: Hex; parent_hash: Hex }>(
    `SELECT DISTINCT block_number AS number, block_hash AS hash, parent_hash FROM ${table} FINAL
     WHERE meta_network_name = {network:String} AND block_number > {above:Int64} AND status = 'complete'
     ORDER BY number DESC, hash LIMIT {limit:UInt32}`,
    { parameters: { network, above, limit } },
  );
  return rows.map((row) => ({
    number: Number(row.number),
    hash: row.hash,
    parentHash: row.parent_hash,
  }));
}
