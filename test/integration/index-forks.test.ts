import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dependencies } from "../../src/activities/ports.ts";
import { createLedger } from "../../src/clickhouse/ledger.ts";
import { createNetworkStore } from "../../src/clickhouse/networks.ts";
import { createRangeStore } from "../../src/clickhouse/ranges.ts";
import { createRowStore } from "../../src/clickhouse/rows.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { type Fork, isAtLeast } from "../../src/domain/fork.ts";
import { forkAt, parseGenesisForks } from "../../src/domain/fork-schedule.ts";
import { processors } from "../../src/domain/processor.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startAnvil } from "../support/anvil.ts";
import { startTestClickHouse, type TestClickHouse } from "../support/clickhouse.ts";
import { createFakeWorld } from "../support/fakes.ts";
import { firstWrongRow, oracleRows, shownRows } from "../support/oracle-comparison.ts";
import { runScenarios } from "../unit/trace/chain/adversarial.ts";
import { openChain } from "../unit/trace/chain/traced-chain.ts";

/** Every fork that changed the EVM or a block, as anvil and a genesis file call it; Frontier needs no key. */
const eras = [
  { fork: "frontier", hardfork: "frontier", key: null },
  { fork: "homestead", hardfork: "homestead", key: "homesteadBlock" },
  { fork: "tangerine", hardfork: "tangerine", key: "eip150Block" },
  { fork: "spurious", hardfork: "spuriousdragon", key: "eip158Block" },
  { fork: "byzantium", hardfork: "byzantium", key: "byzantiumBlock" },
  { fork: "constantinople", hardfork: "constantinople", key: "constantinopleBlock" },
  { fork: "petersburg", hardfork: "petersburg", key: "petersburgBlock" },
  { fork: "istanbul", hardfork: "istanbul", key: "istanbulBlock" },
  { fork: "berlin", hardfork: "berlin", key: "berlinBlock" },
  { fork: "london", hardfork: "london", key: "londonBlock" },
  { fork: "paris", hardfork: "paris", key: "mergeNetsplitBlock" },
  { fork: "shanghai", hardfork: "shanghai", key: "shanghaiTime" },
  { fork: "cancun", hardfork: "cancun", key: "cancunTime" },
  { fork: "prague", hardfork: "prague", key: "pragueTime" },
  { fork: "osaka", hardfork: "osaka", key: "osakaTime" },
] as const satisfies readonly { fork: Fork; hardfork: string; key: string | null }[];

/** Seconds between the last block of an era and the first of the next, whose rules begin at a time. */
const pauseSeconds = 60;
/** One scenario in so many, another part of them in each era. */
const scenarioStride = 30;

let folder: string;
let clickhouse: TestClickHouse;
let world: Dependencies;
let head = 0;
/** The genesis file's `config`, which grows by a fork an era. */
const config: Record<string, number> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-forks-"));
  clickhouse = await startTestClickHouse();
  world = {
    ...createFakeWorld().dependencies,
    rows: createRowStore(clickhouse.client),
    ledger: createLedger(clickhouse.client),
    ranges: createRangeStore(clickhouse.client),
    networks: createNetworkStore(clickhouse.client),
    newAttemptId: () => randomBytes(8).readBigUInt64BE().toString(),
  };
});

afterAll(async () => {
  await clickhouse?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("one chain of adversarial contracts through every fork", () => {
  // anvil traces a block by the rules that it runs now, so each era is indexed while its own rules are in force.
  test.each(eras)(
    "$fork: every row is the oracle's, every block proven",
    async ({ fork, hardfork, key }) => {
      const state = join(folder, "state.json");
      const anvil = await startAnvil({
        args: [
          `--hardfork=${hardfork}`,
          `--dump-state=${state}`,
          "--preserve-historical-states",
          ...(head > 0 ? [`--load-state=${state}`] : []),
        ],
      });
      try {
        // Not the genesis: anvil makes another one each time.
        const fromBlock = head + 1;
        await mineEra(anvil.url, fork);
        await activate(anvil.url, key, fromBlock);
        const result = await index(anvil.url, fromBlock);

        expect(result).toMatchObject({ failedCount: 0, blocks: head - fromBlock + 1 });
        const range = { fromBlock, toBlock: head };
        const expected = await oracleRows({ rpcUrl: anvil.url, forkAt: () => fork, ...range });
        const shown = await shownRows(clickhouse.client, { network: "net", ...range });
        expect(expected.structlogs.length).toBeGreaterThan(100);
        expect(shown.transactions).toEqual(expected.transactions);
        expect(firstWrongRow(shown.structlogs, expected.structlogs)).toBeNull();
        expect(firstWrongRow(shown.aggregates, expected.aggregates)).toBeNull();
      } finally {
        await anvil.stop();
      }
    },
    60_000,
  );

  test("the whole of it is proven, for every processor", async () => {
    const range = { fromBlock: 1, toBlock: head };
    const rows = await world.ledger.read({ network: "net", processors, range });
    expect(rows).toHaveLength(head * processors.length);
    expect(rows.filter(({ proof }) => proof !== "proven")).toEqual([]);
  });
});

/** Mines the era's scenarios, one block each, after a pause that keeps its timestamps apart from the last era's. */
async function mineEra(url: string, fork: Fork): Promise<void> {
  if (head > 0) await callNode(url, "evm_increaseTime", [pauseSeconds]);
  let count = eras.findIndex((era) => era.fork === fork);
  await runScenarios(await openChain(url), (name) => {
    const isKnown = isAtLeast(fork, "berlin") || !/access_list|type_1/.test(name);
    return isKnown && count++ % scenarioStride === 0;
  });
  head = Number(await callNode(url, "eth_blockNumber"));
}

/** Enters the fork whose first block is `fromBlock` into the genesis file. */
async function activate(url: string, key: string | null, fromBlock: number): Promise<void> {
  if (key === null) return;
  if (key.endsWith("Block")) {
    config[key] = fromBlock;
    return;
  }
  const block = await callNode(url, "eth_getBlockByNumber", [`0x${fromBlock.toString(16)}`, false]);
  const isBlock = typeof block === "object" && block !== null && "timestamp" in block;
  config[key] = isBlock ? Number(block.timestamp) : Number.NaN;
}

function index(url: string, fromBlock: number) {
  const node = createExecutionNode({ name: "anvil", url, headers: {} }, { traceTimeoutMs: 60_000 });
  const schedule = parseGenesisForks({ config });
  const network = async () => ({
    name: "net",
    node,
    processors,
    forkAt: (block: { number: number; timestamp: number }) => forkAt(schedule, block),
    headPolicy: "latest" as const,
    finalityDepth: 0,
    retryPolicy: { initialDelayMs: 1000, maximumDelayMs: 1000, maximumAttempts: 12 },
  });
  const input = { fromBlock, toBlock: head, processors };
  return startIndexBlocks({ dependencies: { ...world, network }, engine: traceEngine, input })
    .result;
}
