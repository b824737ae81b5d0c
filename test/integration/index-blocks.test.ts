import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies, ExecutionNode, Network } from "../../src/activities/ports.ts";
import { prepareChain } from "../../src/dev/demo-chain/demo-chain.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { processors } from "../../src/domain/processor.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import type { IndexBlocksInput } from "../../src/workflows/index-activities.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startAnvil } from "../support/anvil.ts";
import { startTestClickHouse, type TestClickHouse } from "../support/clickhouse.ts";
import { firstWrongRow, oracleRows, shownRows } from "../support/oracle-comparison.ts";
import { openAnvilNetwork, realDependencies } from "../support/real-index.ts";

const engine = traceEngine;

/** The demo's traffic repeats its kinds of transactions every so many blocks. */
const trafficCycle = 12;

let anvil: Awaited<ReturnType<typeof startAnvil>>;
let clickhouse: TestClickHouse;
let network: Network;
let head: number;

beforeAll(async () => {
  [anvil, clickhouse] = await Promise.all([
    startAnvil({ args: ["--no-mining", "--order=fifo", "--timestamp=1700000000"] }),
    startTestClickHouse(),
  ]);
  const chain = await prepareChain({ rpcUrl: anvil.url, seed: 7, targetSteps: 10_000 });
  head = chain.blocks;
  network = await openAnvilNetwork(anvil.url, { name: "net", processors });
});

afterAll(async () => {
  await Promise.all([anvil?.stop(), clickhouse?.stop()]);
});

/** The real stores and the real node under a network name of their own. */
function dependenciesFor(name: string, node: ExecutionNode = network.node): Dependencies {
  return realDependencies({ ...network, name, node }, clickhouse.client);
}

function start(dependencies: Dependencies, name: string, input: Partial<IndexBlocksInput>) {
  return startIndexBlocks({ dependencies, engine, input: { network: name, ...input } });
}

/** Holds the views to the oracle, row by row and column by column. */
async function expectShown(name: string, fromBlock: number, toBlock: number): Promise<void> {
  const { forkAt } = network;
  const expected = await oracleRows({ rpcUrl: anvil.url, forkAt, fromBlock, toBlock });
  const shown = await shownRows(clickhouse.client, { network: name, fromBlock, toBlock });
  expect(shown.transactions).toEqual(expected.transactions);
  expect(firstWrongRow(shown.structlogs, expected.structlogs)).toBeNull();
  // What a test does not ask for is not stored.
  if (shown.aggregates.length > 0) {
    expect(firstWrongRow(shown.aggregates, expected.aggregates)).toBeNull();
  }
}

describe("indexBlocks on a real chain and the real ClickHouse", () => {
  test("shows every step of every block, all proven", async () => {
    const dependencies = dependenciesFor("whole");
    const { result } = start(dependencies, "whole", { toBlock: head, processors });

    expect(await result).toMatchObject({ blocks: head + 1, failedCount: 0, failed: [] });
    const rows = await dependencies.ledger.read({
      network: "whole",
      processors,
      range: { fromBlock: 0, toBlock: head },
    });
    expect(rows).toHaveLength(3 * (head + 1));
    const aggregated = rows.filter(({ processor }) => processor === "structlog_agg");
    expect(aggregated.some(({ rowCount }) => rowCount > 0)).toBe(true);
    expect(rows.filter(({ proof }) => proof !== "proven")).toEqual([]);
    await expectShown("whole", head - trafficCycle + 1, head);
  });

  test("shows the same without stacks, but for the targets of calls that halt before they enter", async () => {
    const stored = ["structlog", "transaction"] as const;
    const dependencies = {
      ...dependenciesFor("lean"),
      network: async () => ({ ...network, name: "lean", processors: stored }),
    };
    await start(dependencies, "lean", { toBlock: head, processors: stored }).result;

    const coverage = await dependencies.ledger.read({
      network: "lean",
      processors: stored,
      range: { fromBlock: 0, toBlock: head },
    });
    expect(coverage.filter(({ proof }) => proof !== "proven")).toEqual([]);
    const columns = "* EXCEPT (updated_date_time, meta_network_name, call_to_address, error)";
    const differing = await clickhouse.client.query(
      `SELECT block_number, transaction_index, index, call_frame_id FROM
       (
         SELECT ${columns}, arraySort(groupArray(meta_network_name)) AS ways FROM
           (SELECT * FROM canonical_execution_transaction_structlog WHERE meta_network_name IN ('whole', 'lean'))
         GROUP BY ALL
       )
       WHERE ways != ['lean', 'whole'] LIMIT 5`,
    );
    expect(differing).toEqual([]);
    const targets = await clickhouse.client.query<{ wrong: string }>(
      `SELECT
         countIf(lean.call_to_address != whole.call_to_address
           OR (lean.call_to_address IS NULL AND whole.call_to_address IS NOT NULL AND whole.error IS NULL)) AS wrong
       FROM
       (SELECT * FROM canonical_execution_transaction_structlog WHERE meta_network_name = 'lean') AS lean
       INNER JOIN
       (SELECT * FROM canonical_execution_transaction_structlog WHERE meta_network_name = 'whole') AS whole
       USING (block_number, transaction_index, index, call_frame_id)`,
    );
    expect(targets[0]?.wrong).toBe("0");
  });

  test("follows a reorg of the real chain in one ledger insert", async () => {
    const dependencies = dependenciesFor("forked");
    await start(dependencies, "forked", { toBlock: head }).result;
    const leftBranch = await network.node.blockRefs([4, 3, 2, 1, 0].map((below) => head - below));
    await callNode(anvil.url, "anvil_reorg", [5, []]);
    await callNode(anvil.url, "evm_mine");

    const { reorgs } = await start(dependencies, "forked", {
      fromBlock: head + 1,
      toBlock: head + 1,
    }).result;

    expect(reorgs).toEqual([{ depth: 5, ancestor: head - 5 }]);
    await expectShown("forked", head - 6, head + 1);
    const [times] = await clickhouse.client.query<{ inserts: string }>(
      `SELECT uniqExact(updated_at) AS inserts FROM execution_block FINAL
       WHERE meta_network_name = 'forked' AND generation = 2`,
    );
    expect(Number(times?.inserts)).toBe(1);
    const told = await clickhouse.client.query<{ depth: string; old_hashes: string[] }>(
      `SELECT depth, first_block, last_block, old_hashes, new_hashes, retracted_blocks,
         retracted_rows > 0 AS has_rows, reorged_at > now64(6) - INTERVAL 1 HOUR AS is_recent
       FROM reorgs WHERE meta_network_name = 'forked'`,
    );
    const branch = await network.node.blockRefs([4, 3, 2, 1, 0].map((below) => head - below));
    expect(told).toEqual([
      {
        depth: "5",
        first_block: String(head - 4),
        last_block: String(head),
        old_hashes: leftBranch.map(({ hash }) => hash),
        new_hashes: branch.map(({ hash }) => hash),
        retracted_blocks: "0",
        has_rows: 1,
        is_recent: 1,
      },
    ]);
  });

  test("follows the head through a reorg onto a longer branch", async () => {
    const dependencies = dependenciesFor("followed");
    const first = Number(await callNode(anvil.url, "eth_blockNumber"));
    const follow = start(dependencies, "followed", { fromBlock: first, toBlock: null });
    const newest = async () =>
      (await dependencies.ledger.hashesAbove("followed", -1, 1))[0]?.number;
    await callNode(anvil.url, "anvil_mine", ["0x4"]);
    await expect.poll(newest).toBe(first + 4);

    await callNode(anvil.url, "anvil_reorg", [3, []]);
    await callNode(anvil.url, "evm_mine");

    const chain = async () => {
      const refs = await network.node.blockRefs([1, 2, 3, 4, 5].map((i) => first + i));
      return refs.map(({ number, hash }) => ({ number, hash }));
    };
    const stored = async () => {
      const refs = await dependencies.ledger.hashesAbove("followed", first, 5);
      return refs.map(({ number, hash }) => ({ number, hash })).toReversed();
    };
    const expected = await chain();
    await expect.poll(stored).toEqual(expected);
    // Rows are visible before the job has its insert's answer.
    await expect
      .poll(() => follow.heartbeats.at(-1))
      .toMatchObject({
        inHand: null,
        done: { failedCount: 0, reorgs: [{ depth: 3, ancestor: first + 1 }] },
      });
    follow.cancel();
    expect(await follow.result).toMatchObject({ failedCount: 0 });
  });
});
