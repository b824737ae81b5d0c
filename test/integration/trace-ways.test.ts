import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecutionNode, NodePool } from "../../src/activities/ports.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startAnvil } from "../support/anvil.ts";
import { createFakeWorld, type FakeWorld } from "../support/fakes.ts";
import { createPool } from "../support/node-pool.ts";
import { startNodeProxy } from "../support/node-proxy.ts";

const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const contract = "0x00000000000000000000000000000000000000aa";
/** Blocks of about 1.1 M gas, each of them worth a trial, and light ones between them. */
const heavyBlocks = 12;

let anvil: Awaited<ReturnType<typeof startAnvil>>;
let head = 0;

beforeAll(async () => {
  anvil = await startAnvil({ args: ["--no-mining"] });
  // MSTORE at 720,000: memory that grows to 22,500 words costs a million gas, in four steps.
  await callNode(anvil.url, "anvil_setCode", [contract, "0x6000620afc8052"]);
  await callNode(anvil.url, "anvil_mine", ["0x2"]);
  for (let block = 0; block < heavyBlocks; block += 1) {
    for (const transaction of [{ to: contract }, { to: sender, value: "0x1" }]) {
      const request = { from: sender, gas: "0x4c4b40", ...transaction };
      await callNode(anvil.url, "eth_sendTransaction", [request]);
      await callNode(anvil.url, "anvil_mine", ["0x1"]);
    }
  }
  head = Number(await callNode(anvil.url, "eth_blockNumber", []));
});
afterAll(() => anvil?.stop());

/** Indexes the chain without structlog_agg; whether each heavy block was asked for with stacks, in order. */
async function index(network: { readonly node: ExecutionNode; readonly nodes?: NodePool }) {
  const world = createFakeWorld({ ...network, processors: ["structlog", "transaction"] });
  const input = { fromBlock: 0, toBlock: head };
  const { dependencies } = world;
  const result = await startIndexBlocks({ dependencies, engine: traceEngine, input }).result;
  expect(result).toMatchObject({ failedCount: 0, nextBlock: head + 1 });
  return world;
}

/** A node at which one way takes longer; which way each block was traced. */
async function slowAt(slow: "lean" | "stacks", ms: number) {
  const ways: string[] = [];
  const proxy = await startNodeProxy(anvil.url, async ({ method, params: [, options] }) => {
    const text = JSON.stringify(options) ?? "";
    if (method !== "debug_traceBlockByHash" || !text.includes("disableStack")) return undefined;
    const way = text.includes('"disableStack":true') ? "lean" : "stacks";
    ways.push(way);
    if (way === slow) await sleep(ms);
    return undefined;
  });
  return { ...proxy, ways };
}

const shownBy = ({ shown }: FakeWorld) =>
  Array.from({ length: head + 1 }, (_, blockNumber) => shown(blockNumber));

describe("blocks whose stacks nobody needs", () => {
  test.each([
    ["lean", "stacks"],
    ["stacks", "lean"],
  ] as const)(
    "are traced with %s alone being slow: by the other way after a few of each, and no row is lost",
    async (slow, cheap) => {
      const clean = { name: "clean", url: anvil.url, headers: {} };
      const oracle = await index({ node: createExecutionNode(clean, { traceTimeoutMs: 30_000 }) });
      const proxy = await slowAt(slow, 1000);
      const pool = createPool([{ name: "node-a", url: proxy.url, maximumTraces: 1 }]);
      const { node } = await pool.open();
      proxy.ways.length = 0;

      const world = await index({ node, nodes: pool });

      expect(pool.capabilities["node-a"]).toMatchObject({ traceWay: cheap });
      expect(proxy.ways.filter((way) => way === "stacks").length).toBeGreaterThanOrEqual(3);
      expect(proxy.ways.slice(-6)).toEqual(Array.from({ length: 6 }, () => cheap));
      expect(shownBy(world)).toEqual(shownBy(oracle));
      await proxy.stop();
    },
  );

  test("are not traced one by one without stacks because they were too large with them", async () => {
    const singles = new Set<string>();
    const capped = await startNodeProxy(anvil.url, ({ method, params }) => {
      const isWithStacks = JSON.stringify(params).includes('"disableStack":false');
      if (method === "debug_traceTransaction") singles.add(isWithStacks ? "stacks" : "lean");
      return method === "debug_traceBlockByHash" && isWithStacks
        ? { error: { code: -32_008, message: "Response is too big" } }
        : undefined;
    });
    const pool = createPool([{ name: "node-a", url: capped.url, maximumTraces: 1 }]);
    const { node } = await pool.open();
    singles.clear(); // those of the probe
    await index({ node, nodes: pool });
    expect(singles).toEqual(new Set(["stacks"]));
    expect(pool.capabilities["node-a"]?.traceWay).not.toBeNull();
    await capped.stop();
  });
});
