import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies, Network } from "../../src/activities/ports.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import type { IndexBlocksInput } from "../../src/workflows/index-activities.ts";
import { type IndexAttempt, startIndexBlocks } from "../support/activity-run.ts";
import { startTestClickHouse, type TestClickHouse } from "../support/clickhouse.ts";
import { type ForkingChain, startForkingChain } from "../support/forking-chain.ts";
import { oracleRows, shownRows } from "../support/oracle-comparison.ts";
import { openAnvilNetwork, realDependencies } from "../support/real-index.ts";

const processors = ["structlog", "transaction"] as const;

let chain: ForkingChain;
let clickhouse: TestClickHouse;
let network: Network;
const attempts: IndexAttempt[] = [];

beforeAll(async () => {
  [chain, clickhouse] = await Promise.all([startForkingChain(), startTestClickHouse()]);
  network = await openAnvilNetwork(chain.url, { name: "net", processors });
});

afterEach(async () => {
  for (const attempt of attempts.splice(0)) {
    attempt.cancel();
    await attempt.result.catch(() => {});
  }
});

afterAll(async () => {
  await Promise.all([chain?.stop(), clickhouse?.stop()]);
});

/** A network of its own on the chain, bound like a worker binds it. */
async function openNetwork(name: string, more: Partial<Network> = {}): Promise<Dependencies> {
  const dependencies = realDependencies({ ...network, ...more, name }, clickhouse.client);
  const genesisHash = await chain.hashAt(0);
  await dependencies.networks.bind({ network: name, chainId: 31_337, genesisHash });
  return dependencies;
}

function start(dependencies: Dependencies, name: string, input: Partial<IndexBlocksInput>) {
  const attempt = startIndexBlocks({
    dependencies,
    engine: traceEngine,
    input: { network: name, processors, ...input },
  });
  attempts.push(attempt);
  return attempt;
}

/** Blocks from `first` on as the ledger calls them canonical, for every processor the same; else the disagreement. */
async function storedFrom(name: string, first: number): Promise<readonly string[]> {
  const rows = await clickhouse.client.query<{ number: string; hash: string; processors: string }>(
    `SELECT block_number AS number, block_hash AS hash, count() AS processors FROM execution_block FINAL
     WHERE meta_network_name = {name:String} AND status = 'complete' AND block_number >= {first:UInt64}
     GROUP BY number, hash ORDER BY number`,
    { parameters: { name, first } },
  );
  return rows.map(({ number, hash, processors: count }) => `${number} ${hash} ${count}`);
}

async function chainFrom(first: number): Promise<readonly string[]> {
  const hashes = await chain.hashesFrom(first);
  return hashes.map((hash, i) => `${first + i} ${hash} ${processors.length}`);
}

/** Waits until the ledger is the node's chain from `first` to the head. */
async function untilOnChain(name: string, first: number): Promise<void> {
  const wanted = await chainFrom(first);
  await expect.poll(() => storedFrom(name, first), { interval: 100 }).toEqual(wanted);
}

/** Holds the views to the oracle from `first` to the head. */
async function expectShown(name: string, first: number): Promise<void> {
  const range = { fromBlock: first, toBlock: await chain.head() };
  const { forkAt } = network;
  const expected = await oracleRows({ rpcUrl: chain.url, forkAt, aggregated: false, ...range });
  const shown = await shownRows(clickhouse.client, { network: name, ...range });
  expect(shown.transactions).toEqual(expected.transactions);
  expect(shown.structlogs).toEqual(expected.structlogs);
}

async function countStoredRows(name: string): Promise<number> {
  const [row] = await clickhouse.client.query<{ rows: string }>(
    "SELECT count() AS rows FROM execution_structlog WHERE meta_network_name = {name:String}",
    { parameters: { name } },
  );
  return Number(row?.rows);
}

test("a branch that comes back is shown again without a new trace", async () => {
  const dependencies = await openNetwork("returned");
  const fork = await chain.head();
  const times = [1, 2, 3].map((i) => chain.time + i * 10);
  await chain.mineAt(times);
  start(dependencies, "returned", { fromBlock: fork + 1, toBlock: null });
  await untilOnChain("returned", fork + 1);
  const before = await storedFrom("returned", fork + 1);

  await chain.goBackTo(fork);
  await chain.mine(4);
  await untilOnChain("returned", fork + 1);
  const rows = await countStoredRows("returned");
  await chain.goBackTo(fork);
  await chain.mineAt(times);

  await untilOnChain("returned", fork + 1);
  expect(await storedFrom("returned", fork + 1), "the very same branch").toEqual(before);
  expect(await countStoredRows("returned")).toBe(rows);
  await expectShown("returned", fork + 1);
  // Together with the reorg, or by itself where the reorg was followed before the branch had grown so far.
  const [last] = await dependencies.ledger.readBlocks("returned", ["structlog"], [fork + 3]);
  expect(last?.reason).toMatch(/^reorg of depth \d above block \d+$|^its branch came back$/);
});

test("the views show one branch without a hole at every moment of many reorgs", async () => {
  const name = "watched";
  const dependencies = await openNetwork(name);
  const first = await chain.head();
  const history = [await chain.hashesFrom(first)];
  const remember = async () => history.push(await chain.hashesFrom(first));
  start(dependencies, name, { fromBlock: first, toBlock: null });
  await chain.mine(8);
  await remember();
  await untilOnChain(name, first);
  const reader = watchViews(name, first);
  for (const [depth, count] of [
    [1, 1],
    [3, 4],
    [6, 2],
    [2, 5],
    [5, 5],
    [1, 3],
  ] as const) {
    const before = reader.count();
    await chain.goBackTo((await chain.head()) - depth);
    for (let i = 0; i < count; i += 1) {
      await chain.mine(1);
      await remember();
    }
    await untilOnChain(name, first);
    await expect.poll(() => reader.count()).toBeGreaterThan(before + 3);
  }
  const seen = await reader.stop();

  expect(seen.length).toBeGreaterThan(20);
  const branches = history.map((hashes) => hashes.join());
  for (const shown of seen) {
    // Numbers follow each other from the first, each block is whole, and all stand on one branch that the node once had.
    expect(shown.numbers).toEqual(shown.numbers.map((_, i) => first + i));
    expect(new Set(shown.rows).size, `rows of blocks: ${shown.rows.join()}`).toBe(1);
    expect(
      branches.some((branch) => branch.startsWith(shown.hashes.join())),
      shown.hashes.join(),
    ).toBe(true);
  }
  await expectShown(name, first);
});

/** Reads the canonical view again and again: numbers, hashes and rows of its blocks, oldest first. */
function watchViews(name: string, first: number) {
  const seen: { numbers: number[]; hashes: string[]; rows: string[] }[] = [];
  const end = new AbortController();
  const reading = (async () => {
    while (!end.signal.aborted) {
      const rows = await clickhouse.client.query<{ number: string; hash: string; rows: string }>(
        `SELECT block_number AS number, block_hash AS hash, count() AS rows
         FROM canonical_execution_transaction_structlog
         WHERE meta_network_name = {name:String} AND block_number >= {first:UInt64}
         GROUP BY number, hash ORDER BY number`,
        { parameters: { name, first } },
      );
      seen.push({
        numbers: rows.map(({ number }) => Number(number)),
        hashes: rows.map(({ hash }) => hash),
        rows: rows.map((row) => row.rows),
      });
    }
  })();
  const stop = async () => {
    end.abort();
    await reading;
    return seen;
  };
  return { count: () => seen.length, stop };
}

test("a reorg while no worker ran is found at the next start, however far the chain has gone on", async () => {
  const dependencies = await openNetwork("offline");
  const fork = await chain.head();
  await chain.mine(6);
  const follow = start(dependencies, "offline", { fromBlock: fork + 1, toBlock: null });
  await untilOnChain("offline", fork + 1);
  follow.cancel();
  await follow.result;

  await chain.goBackTo(fork + 2);
  await chain.mine(12);
  const again = start(dependencies, "offline", { fromBlock: fork + 7, toBlock: null });

  await untilOnChain("offline", fork + 1);
  again.cancel();
  expect((await again.result).reorgs).toEqual([{ depth: 4, ancestor: fork + 2 }]);
  await expectShown("offline", fork + 1);
});

describe("with the node's own finality", () => {
  test("rows are swept as it moves, and a reorg beneath it stops until a person accepts it", async () => {
    const name = "final";
    const dependencies = await openNetwork(name, { finalityDepth: null });
    const fork = await chain.head();
    await chain.mine(8);
    const follow = start(dependencies, name, { fromBlock: fork + 1, toBlock: null });
    await untilOnChain(name, fork + 1);
    follow.cancel();
    await follow.result;
    const sweeping = start(dependencies, name, { fromBlock: fork + 9, toBlock: null });
    await expect.poll(() => dependencies.networks.raiseSwept(name, null)).toBe(fork + 6);
    sweeping.cancel();
    await sweeping.result;
    const before = await storedFrom(name, fork + 1);

    await chain.goBackTo(fork + 3);
    await chain.mine(8);
    const blocked = start(dependencies, name, { fromBlock: fork + 9, toBlock: null });
    await expect(blocked.result).rejects.toMatchObject({
      name: "ReorgBeyondFinalityError",
      facts: expect.arrayContaining([expect.stringContaining(`block ${fork + 4}`)]),
    });
    expect(await storedFrom(name, fork + 1)).toEqual(before);

    const acceptedReorg = { fromBlock: fork + 4, blockHash: await chain.hashAt(fork + 4) };
    start(dependencies, name, { fromBlock: fork + 9, toBlock: null, acceptedReorg });
    await untilOnChain(name, fork + 1);
    await expectShown(name, fork + 1);
  });

  test.each(["latest", "safe", "finalized"] as const)(
    "follow with the head policy %s stores up to that block and no further",
    async (headPolicy) => {
      const name = `policy-${headPolicy}`;
      const dependencies = await openNetwork(name);
      const first = (await chain.head()) - 4;
      start(dependencies, name, { fromBlock: first, toBlock: null, headPolicy });
      for (let i = 0; i < 3; i += 1) {
        await chain.mine(1);
        const wanted = (await network.node.head(headPolicy))?.number ?? -1;
        const highest = async () => (await dependencies.ledger.hashesAbove(name, -1, 1))[0]?.number;
        await expect.poll(highest, { interval: 50 }).toBe(wanted);
      }
    },
  );
});
