import type { BlockRange } from "../../src/domain/block-range.ts";
import { processors } from "../../src/domain/processor.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { readForkAt } from "../../src/rpc/fork-schedule.ts";
import type { TestStack } from "../integration/stack/stack.ts";
import {
  type ComparedRows,
  firstWrongRow,
  oracleRows,
  shownRows,
} from "../support/oracle-comparison.ts";

/** What is stored, beside what a sequential oracle makes of the node's own chain. */
export type Verdict = {
  readonly blocks: number;
  readonly rows: number;
  /** Blocks of a processor that are not proven. */
  readonly missing: number;
  /** Rows that are there twice. */
  readonly doubled: number;
  /** Blocks whose rows are of another hash than the node's. */
  readonly stale: number;
  /** The first row that differs, by table; null: none does. */
  readonly difference: unknown;
};

export const isEqual = ({ missing, doubled, stale, difference }: Verdict): boolean =>
  missing === 0 && doubled === 0 && stale === 0 && difference === null;

export async function compareWithOracle(
  { chain, store, ledger }: TestStack,
  network: string,
  range: BlockRange,
): Promise<Verdict> {
  const { calls } = createExecutionNode(
    { name: "anvil", url: chain.url, headers: {} },
    { traceTimeoutMs: 60_000 },
  );
  const forkAt = await readForkAt(calls, { genesisFile: null, chainId: 31_337 });
  const blocks = range.toBlock - range.fromBlock + 1;
  let missing = 0;
  let doubled = 0;
  for (const processor of processors) {
    const coverage = await ledger.coverage({ network, processor, window: range, verify: true });
    missing += blocks - coverage.blocks.proven;
    doubled += coverage.duplicates;
  }
  const expected = await oracleRows({ rpcUrl: chain.url, forkAt, ...range });
  // What stands above the head is of a branch that is gone, and would be stale.
  const shown = await shownRows(store, { network, fromBlock: 0, toBlock: range.toBlock + 1000 });
  return {
    blocks,
    rows: expected.structlogs.length + expected.aggregates.length + expected.transactions.length,
    missing,
    doubled,
    stale: countStale(shown, expected),
    difference: differenceOf(shown, expected),
  };
}

function countStale(shown: ComparedRows, expected: ComparedRows): number {
  const hashOf = new Map(
    expected.transactions.map((row) => [row["block_number"], row["block_hash"]]),
  );
  const stale = shown.transactions.filter(
    (row) => hashOf.get(row["block_number"]) !== row["block_hash"],
  );
  return new Set(stale.map((row) => row["block_number"])).size;
}

function differenceOf(shown: ComparedRows, expected: ComparedRows): unknown {
  for (const table of ["transactions", "structlogs", "aggregates"] as const) {
    const wrong = firstWrongRow(shown[table], expected[table]);
    if (wrong !== null) return { table, ...wrong };
  }
  return null;
}
