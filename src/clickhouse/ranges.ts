import type { ExpectedRange, RangeStore } from "../activities/ports.ts";
import { type BlockRange, mergeRanges } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";
import { newToken } from "./token.ts";

type StoredRange = {
  processor: Processor;
  from_block: string;
  to_block: string | null;
  origin: ExpectedRange["origin"];
  workflow_id: string;
  state: ExpectedRange["state"];
};

/** Ranges that must be complete, one row per network, processor and workflow. */
export function createRangeStore(clickhouse: ClickHouse): RangeStore {
  return {
    async write(ranges) {
      if (ranges.length === 0) return;
      const rows = ranges.map((range) => ({
        meta_network_name: range.network,
        processor: range.processor,
        from_block: range.fromBlock,
        to_block: range.toBlock,
        origin: range.origin,
        workflow_id: range.workflowId,
        state: range.state,
      }));
      await clickhouse.insertRows("execution_range", rows, { token: newToken("execution_range") });
    },
    read: (network) => readRanges(clickhouse, network),
  };
}

async function readRanges(clickhouse: ClickHouse, network: string): Promise<ExpectedRange[]> {
  const rows = await clickhouse.query<StoredRange>(
    `SELECT processor, from_block, to_block, origin, workflow_id, state
     FROM execution_range FINAL
     WHERE meta_network_name = {network:String}
     ORDER BY processor, from_block, workflow_id`,
    { parameters: { network } },
  );
  return rows.map((row) => ({
    network,
    processor: row.processor,
    fromBlock: Number(row.from_block),
    toBlock: row.to_block === null ? null : Number(row.to_block),
    origin: row.origin,
    workflowId: row.workflow_id,
    state: row.state,
  }));
}

/** {@link closeExpected} of the ranges that are stored now. */
export async function readExpected(
  clickhouse: ClickHouse,
  network: string,
  processor: Processor,
): Promise<BlockRange[]> {
  const ranges = await readRanges(clickhouse, network);
  return closeExpected(clickhouse, { network, processor, ranges });
}

/**
 * The union of a processor's expected ranges, whatever became of their jobs. An open one ends at the highest block
 * that the processor's ledger holds and no reorg took away: what follow reached. A block that no node has (somebody
 * requeued a number above the head) does not count.
 */
export async function closeExpected(
  clickhouse: ClickHouse,
  {
    network,
    processor,
    ranges,
  }: { network: string; processor: Processor; ranges: readonly ExpectedRange[] },
): Promise<BlockRange[]> {
  const own = ranges.filter((range) => range.processor === processor);
  if (own.length === 0) return [];
  const isOpen = own.some(({ toBlock }) => toBlock === null);
  const top = isOpen ? await readHighestBlock(clickhouse, network, processor) : null;
  return mergeRanges(
    own
      .map(({ fromBlock, toBlock }) => ({ fromBlock, toBlock: toBlock ?? top ?? -1 }))
      .filter(({ fromBlock, toBlock }) => fromBlock <= toBlock),
  );
}

/** Widths of the looks for the highest block, from the highest number of the ledger downwards. */
const firstLookBlocks = 1000;
const lookFactor = 8;

async function readHighestBlock(
  clickhouse: ClickHouse,
  network: string,
  processor: Processor,
): Promise<number | null> {
  const [top] = await clickhouse.query<{ last: string | null }>(
    `SELECT maxOrNull(block_number) AS last FROM execution_block
     WHERE meta_network_name = {network:String} AND processor = {processor:String}`,
    { parameters: { network, processor } },
  );
  if (top?.last == null) return null;
  const last = Number(top.last);
  for (let width = firstLookBlocks; ; width *= lookFactor) {
    const from = Math.max(0, last - width + 1);
    const [row] = await clickhouse.query<{ block_number: string }>(
      `SELECT block_number FROM execution_block FINAL
       WHERE meta_network_name = {network:String} AND processor = {processor:String}
         AND block_number >= {from:UInt64} AND status != 'retracted' AND error_kind != 'block_not_found'
       ORDER BY block_number DESC LIMIT 1`,
      { parameters: { network, processor, from } },
    );
    if (row) return Number(row.block_number);
    if (from === 0) return null;
  }
}
