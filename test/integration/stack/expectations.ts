import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { BlockRange } from "../../../src/domain/block-range.ts";
import { createExecutionNode } from "../../../src/rpc/execution-node.ts";
import { readForkAt } from "../../../src/rpc/fork-schedule.ts";
import { type ComparedRows, oracleRows, shownRows } from "../../support/oracle-comparison.ts";
import { processors, type TestStack } from "./stack.ts";

/** What the oracle makes of a range of the stack's chain as it stands now. */
export async function askOracle({ chain }: TestStack, range: BlockRange): Promise<ComparedRows> {
  const { calls } = createExecutionNode(
    { name: "anvil", url: chain.url, headers: {} },
    { traceTimeoutMs: 60_000 },
  );
  const forkAt = await readForkAt(calls, { genesisFile: null, chainId: 31_337 });
  return oracleRows({ rpcUrl: chain.url, forkAt, ...range });
}

/** Holds the canonical views to the oracle, row by row and column by column. */
export async function expectShown(
  { store }: TestStack,
  network: string,
  range: BlockRange,
  expected: ComparedRows,
): Promise<void> {
  const shown = await shownRows(store, { network, ...range });
  expect(shown.transactions).toEqual(expected.transactions);
  expect(shown.structlogs).toHaveLength(expected.structlogs.length);
  // The first row that differs alone: a diff of 50,000 rows takes minutes to print.
  const row = shown.structlogs.findIndex(
    (one, i) => !isDeepStrictEqual(one, expected.structlogs[i]),
  );
  expect(shown.structlogs[row]).toEqual(expected.structlogs[row]);
}

/** Recounts a range: every block of it is proven, and none was ever booked as failed, `worker_lost` included. */
export async function expectProven(
  { ledger, store }: TestStack,
  network: string,
  range: BlockRange,
): Promise<void> {
  const proven = range.toBlock - range.fromBlock + 1;
  for (const processor of processors) {
    const coverage = await ledger.coverage({ network, processor, window: range, verify: true });
    expect(coverage).toMatchObject({
      blocks: { proven, unverified: 0, failed: 0, quarantined: 0, missing: 0 },
      miscounted: [],
      duplicates: 0,
    });
  }
  const failed = await store.query(
    `SELECT block_number, status, error_kind, error_message FROM execution_block_event
     WHERE meta_network_name = {network:String} AND status IN ('failed', 'quarantined')`,
    { parameters: { network } },
  );
  expect(failed).toEqual([]);
}
