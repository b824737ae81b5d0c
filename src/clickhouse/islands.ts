import type { BlockRange } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

/** What a ledger row counts as in coverage; a retracted one is no row. */
export type IslandStatus = "proven" | "unverified" | "failed" | "quarantined";
export type Island = BlockRange & { readonly status: IslandStatus };

type IslandQuery = { network: string; processor: Processor; range: BlockRange };
type Run = { bucket: string; label: IslandStatus; first: string; last: string; rows: string };

/** Blocks of one bucket: few enough to look at singly, many enough that millions of blocks are few buckets. */
const bucketBlocks = 1000;

/**
 * Maximal runs of ledger rows of one status, oldest first. Buckets in which each status stands in one run are told by
 * their counts alone, eight times faster than by looking at every row and its neighbours; that is left for the others.
 */
export async function readIslands(clickhouse: ClickHouse, query: IslandQuery): Promise<Island[]> {
  const runs = await readBuckets(clickhouse, query);
  const ragged = new Set(runs.filter((run) => !isUnbroken(run)).map(({ bucket }) => bucket));
  const solid = runs
    .filter(({ bucket }) => !ragged.has(bucket))
    .map(({ first, last, label }) => toIsland(first, last, label));
  return join([...solid, ...(await readRagged(clickhouse, query, [...ragged]))]);
}

/** Block numbers differ, so a run has no hole exactly when its rows fill the way from its first to its last. */
function isUnbroken({ first, last, rows }: Run): boolean {
  return Number(last) - Number(first) + 1 === Number(rows);
}

function toIsland(first: string, last: string, status: IslandStatus): Island {
  return { fromBlock: Number(first), toBlock: Number(last), status };
}

const labelledRows = `
  SELECT block_number AS block, if(status = 'complete', toString(proof), toString(status)) AS label
  FROM execution_block FINAL
  WHERE meta_network_name = {network:String} AND processor = {processor:String} AND status != 'retracted'
    AND block_number BETWEEN {from:UInt64} AND {to:UInt64}`;

function parametersOf({ network, processor, range }: IslandQuery) {
  return { network, processor, from: range.fromBlock, to: range.toBlock };
}

function readBuckets(clickhouse: ClickHouse, query: IslandQuery): Promise<Run[]> {
  return clickhouse.query<Run>(
    `SELECT intDiv(block, ${bucketBlocks}) AS bucket, label, min(block) AS first, max(block) AS last, count() AS rows
     FROM (${labelledRows}) GROUP BY bucket, label`,
    { parameters: parametersOf(query) },
  );
}

/** First and last rows of the runs in some buckets, paired. */
async function readRagged(
  clickhouse: ClickHouse,
  query: IslandQuery,
  buckets: readonly string[],
): Promise<Island[]> {
  if (buckets.length === 0) return [];
  const ends = await clickhouse.query<{ block: string; label: IslandStatus; is_last: number }>(
    `SELECT block, label, is_last FROM
     (
       SELECT
         block, label,
         lagInFrame(block, 1, block) OVER w AS previous, lagInFrame(label, 1, '') OVER w AS previous_label,
         leadInFrame(block, 1, block) OVER w AS next, leadInFrame(label, 1, '') OVER w AS next_label,
         previous + 1 != block OR previous_label != label AS is_first,
         next != block + 1 OR next_label != label AS is_last
       FROM (${labelledRows} AND intDiv(block_number, ${bucketBlocks}) IN (${buckets.join(", ")}))
       WINDOW w AS (ORDER BY block ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
     )
     WHERE is_first OR is_last
     ORDER BY block`,
    { parameters: parametersOf(query) },
  );
  const islands: Island[] = [];
  let first: string | null = null;
  for (const { block, label, is_last } of ends) {
    first ??= block;
    if (is_last === 1) {
      islands.push(toIsland(first, block, label));
      first = null;
    }
  }
  return islands;
}

/** Sorts runs and joins neighbours of one status. */
function join(runs: readonly Island[]): Island[] {
  const islands: Island[] = [];
  for (const run of runs.toSorted((a, b) => a.fromBlock - b.fromBlock)) {
    const last = islands.at(-1);
    if (last && last.status === run.status && last.toBlock + 1 === run.fromBlock) {
      islands[islands.length - 1] = { ...last, toBlock: run.toBlock };
    } else {
      islands.push(run);
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
