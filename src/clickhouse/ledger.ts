import type { Ledger } from "../activities/ports.ts";
import type { BlockRef, Hex } from "../domain/chain.ts";
import type { LedgerRow } from "../domain/ledger.ts";
import { bucketsWith, readBuckets } from "./buckets.ts";
import type { ClickHouse } from "./client.ts";
import { intersectRanges, readCoverage } from "./coverage.ts";
import { createGapScan } from "./gaps.ts";
import { chunkRanges, inRanges } from "./islands.ts";
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
    readBlocks: async (network, processors, blockNumbers) =>
      blockNumbers.length === 0
        ? []
        : readRows(clickhouse, {
            where: "block_number IN {numbers:Array(UInt64)}",
            parameters: { network, processors, numbers: blockNumbers },
          }),
    hashesAbove: (network, aboveBlock, limit) =>
      readHashesAbove(clickhouse, network, aboveBlock, limit),
    hashesIn: (network, { fromBlock, toBlock }, limit) =>
      readRefs(clickhouse, {
        network,
        where: "block_number BETWEEN {from:UInt64} AND {to:UInt64}",
        order: "ASC",
        parameters: { from: fromBlock, to: toBlock, limit },
      }),
    completedVersions: (network, blocks) => readCompletedVersions(clickhouse, network, blocks),
    async write(rows, signal, decision) {
      if (rows.length === 0) return;
      const token = decision === undefined ? newToken(table) : `${table}:${decision}`;
      await clickhouse.insertRows(table, rows.map(toColumns), { token, signal });
    },
    findGaps: createGapScan(clickhouse),
    findByStatus: (query) => readByStatus(clickhouse, query),
    coverage: (query) => readCoverage(clickhouse, query),
    history: (network, blockNumber) => readHistory(clickhouse, network, blockNumber),
  };
}

async function readHistory(clickhouse: ClickHouse, network: string, blockNumber: number) {
  const rows = await clickhouse.query<StoredRow>(
    `SELECT ${storedColumns} FROM execution_block_event
     WHERE meta_network_name = {network:String} AND block_number = {blockNumber:UInt64}
     ORDER BY execution_block_event.updated_at, version, processor`,
    { parameters: { network, blockNumber } },
  );
  return rows.map((row) => ({ ...fromStoredRow(row), updatedAt: updatedAt(row) }));
}

/** Looks only into buckets where the status may stand, the newest first, until enough are found. */
async function readByStatus(
  clickhouse: ClickHouse,
  { network, processors, status, kind, range, limit }: Parameters<Ledger["findByStatus"]>[0],
): Promise<number[]> {
  const perProcessor = await Promise.all(
    processors.map((processor) => readBuckets(clickhouse, { network, processor })),
  );
  const asked = status === "complete" ? (["proven", "unverified"] as const) : [status];
  const buckets = bucketsWith(perProcessor, asked);
  const within = range ? intersectRanges(buckets, range) : buckets;
  const found: number[] = [];
  for (const ranges of chunkRanges(within)) {
    if (found.length >= limit) break;
    const rows = await clickhouse.query<{ block_number: string }>(
      `SELECT DISTINCT block_number FROM ${table} FINAL
       WHERE meta_network_name = {network:String} AND processor IN {processors:Array(String)}
         AND status = {status:String} AND (${inRanges(ranges)})
         ${kind === undefined ? "" : "AND error_kind = {kind:String}"}
       ORDER BY block_number DESC LIMIT {limit:UInt32}`,
      {
        parameters: { network, processors, status, limit, ...(kind === undefined ? {} : { kind }) },
      },
    );
    found.push(...rows.map(({ block_number }) => Number(block_number)));
  }
  return found.slice(0, limit);
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
    const refs = await readRefs(clickhouse, {
      network,
      where: "block_number > {above:Int64}",
      order: "DESC",
      parameters: { above, limit },
    });
    if (refs.length >= limit || above === aboveBlock) return refs;
  }
}

async function readRefs(
  clickhouse: ClickHouse,
  query: {
    readonly network: string;
    readonly where: string;
    readonly order: "ASC" | "DESC";
    readonly parameters: { readonly limit: number } & Record<string, number>;
  },
): Promise<BlockRef[]> {
  const rows = await clickhouse.query<{ number: string; hash: Hex; parent_hash: Hex }>(
    `SELECT DISTINCT block_number AS number, block_hash AS hash, parent_hash FROM ${table} FINAL
     WHERE meta_network_name = {network:String} AND ${query.where} AND status = 'complete'
     ORDER BY number ${query.order}, hash LIMIT {limit:UInt32}`,
    { parameters: { network: query.network, ...query.parameters } },
  );
  return rows.map((row) => ({
    number: Number(row.number),
    hash: row.hash,
    parentHash: row.parent_hash,
  }));
}

async function readCompletedVersions(
  clickhouse: ClickHouse,
  network: string,
  blocks: readonly BlockRef[],
): Promise<LedgerRow[]> {
  if (blocks.length === 0) return [];
  const rows = await clickhouse.query<StoredRow>(
    `SELECT ${storedColumns} FROM execution_block_event
     WHERE meta_network_name = {network:String} AND block_number IN {numbers:Array(UInt64)}
       AND block_hash IN {hashes:Array(String)} AND status = 'complete'
     ORDER BY block_number, processor, execution_block_event.updated_at DESC, version DESC`,
    {
      parameters: {
        network,
        numbers: blocks.map(({ number }) => number),
        hashes: blocks.map(({ hash }) => hash),
      },
    },
  );
  return rows.map(fromStoredRow);
}
