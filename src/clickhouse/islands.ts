import type { BlockRange } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

/** What a ledger row counts as in coverage; a retracted one is no row. */
export type IslandStatus = "proven" | "unverified" | "failed" | "quarantined";
export type Island = BlockRange & { readonly status: IslandStatus };

/**
 * Maximal runs of ledger rows of one status, oldest first. ClickHouse finds the ends of the runs in one pass over
 * sorted rows, so that what travels grows with the number of runs, not of blocks.
 */
export async function readIslands(
  clickhouse: ClickHouse,
  query: { network: string; processor: Processor; range: BlockRange },
): Promise<Island[]> {
  const ends = await clickhouse.query<{ block: string; label: IslandStatus; is_last: number }>(
    `SELECT block, label, is_last FROM
     (
       SELECT
         block, label,
         lagInFrame(block, 1, block) OVER w AS previous, lagInFrame(label, 1, '') OVER w AS previous_label,
         leadInFrame(block, 1, block) OVER w AS next, leadInFrame(label, 1, '') OVER w AS next_label,
         previous + 1 != block OR previous_label != label AS is_first,
         next != block + 1 OR next_label != label AS is_last
       FROM
       (
         SELECT block_number AS block, if(status = 'complete', toString(proof), toString(status)) AS label
         FROM execution_block FINAL
         WHERE meta_network_name = {network:String} AND processor = {processor:String} AND status != 'retracted'
           AND block_number BETWEEN {from:UInt64} AND {to:UInt64}
       )
       WINDOW w AS (ORDER BY block ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
     )
     WHERE is_first OR is_last
     ORDER BY block`,
    {
      parameters: {
        network: query.network,
        processor: query.processor,
        from: query.range.fromBlock,
        to: query.range.toBlock,
      },
    },
  );
  const islands: Island[] = [];
  let fromBlock: number | null = null;
  for (const end of ends) {
    const block = Number(end.block);
    fromBlock ??= block;
    if (end.is_last === 1) {
      islands.push({ fromBlock, toBlock: block, status: end.label });
      fromBlock = null;
    }
  }
  return islands;
}

/** From the first block of the first range to the last of the last; null without ranges. */
export function span(ranges: readonly BlockRange[]): BlockRange | null {
  const first = ranges[0];
  const last = ranges.at(-1);
  return first && last ? { fromBlock: first.fromBlock, toBlock: last.toBlock } : null;
}
