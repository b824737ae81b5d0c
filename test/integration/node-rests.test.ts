import { setMaxListeners } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { prepareChain } from "../../src/dev/demo-chain/demo-chain.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import { NodeBudgets } from "../../src/workflows/node-budgets.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startAnvil } from "../support/anvil.ts";
import { createFakeWorld } from "../support/fakes.ts";
import { createPool } from "../support/node-pool.ts";
import { type NodeProxy, startNodeProxy, type Tamper } from "../support/node-proxy.ts";

let anvil: Awaited<ReturnType<typeof startAnvil>>;
const proxies: NodeProxy[] = [];

beforeAll(async () => {
  anvil = await startAnvil({ args: [] });
});
afterAll(() => anvil?.stop());
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

async function behindProxy(tamper?: Tamper, targetUrl = anvil.url): Promise<NodeProxy> {
  const proxy = await startNodeProxy(targetUrl, tamper);
  proxies.push(proxy);
  return proxy;
}

const tooOften = (seconds: number) =>
  ({ status: 429, headers: { "retry-after": `${seconds}` } }) as const;

describe("a node that asks to be left alone as a whole", () => {
  test("hears nothing for that time: no head, no probe, no small call; another node answers", async () => {
    let isTired = false;
    const tired = await behindProxy(() => (isTired ? tooOften(600) : undefined));
    const pool = createPool([
      { name: "tired", url: tired.url },
      { name: "fresh", url: anvil.url },
    ]);
    await pool.open();
    isTired = true;
    await pool.asOne.head("latest");
    await waitUntil(() => pool.nodes[0]?.isResting, { what: "the refusal" });
    isTired = false;
    const before = tired.requests;
    for (let round = 0; round < 20; round += 1) {
      await pool.open();
      expect(await pool.asOne.head("latest")).toMatchObject({ number: 0 });
      await pool.choose(0, new Set());
    }
    expect(tired.requests).toBe(before);
    expect(pool.nodes[0]?.isServing).toBe(true);
    expect(pool.reports.map(({ state }) => state)).not.toContain("away");
    expect(pool.conditions()).toEqual([
      { node: "tired", refusals: 1, restMs: expect.any(Number) },
      { node: "fresh", refusals: 0, restMs: 0 },
    ]);
    expect(pool.restMs()).toBeNull();
  });

  test("and is the only one: who asks hears at once for how long, and it serves again after", async () => {
    let isTired = false;
    const tired = await behindProxy(() => (isTired ? tooOften(16) : undefined));
    const pool = createPool([{ name: "tired", url: tired.url }]);
    await pool.open();
    isTired = true;
    await expect(pool.asOne.head("latest")).rejects.toThrow("it asks to be left alone for 16 s");
    isTired = false;
    const before = tired.requests;
    await expect(pool.asOne.head("latest")).rejects.toThrow("it asks to be left alone for");
    await pool.open();
    expect(tired.requests).toBe(before);
    expect(pool.restMs()).toBeGreaterThan(6000);
    // The last moment of a rest is waited for.
    await waitUntil(() => (pool.restMs() ?? 0) < 4500, { what: "most of the rest" });
    expect(await pool.asOne.head("latest")).toMatchObject({ number: 0 });
  });

  test("while it is probed again after an outage: the next trial waits as long as it asks", async () => {
    const busy = await behindProxy();
    const pool = createPool([
      { name: "busy", url: busy.url },
      { name: "fresh", url: anvil.url },
    ]);
    await pool.open();
    await busy.outage(true);
    await waitUntil(
      async () => {
        await pool.asOne.head("latest").catch(() => null);
        return pool.nodes[0]?.isServing === false;
      },
      { what: "an outage" },
    );
    let refusedAtMs = 0;
    busy.tamper = () => {
      refusedAtMs ||= Date.now();
      return tooOften(4);
    };
    const before = busy.requests;
    await busy.outage(false);
    await waitUntil(
      async () => {
        await pool.choose(0, new Set());
        return busy.requests > before;
      },
      { what: "the trial that is refused" },
    );
    busy.tamper = () => undefined;
    const seen = busy.requests;
    let secondTrialAtMs = 0;
    await waitUntil(
      async () => {
        await pool.open();
        await pool.choose(0, new Set());
        if (busy.requests > seen) secondTrialAtMs ||= Date.now();
        return pool.nodes[0]?.isServing;
      },
      { what: "the node back", everyMs: 20 },
    );
    expect(secondTrialAtMs - refusedAtMs).toBeGreaterThanOrEqual(3800);
  });
});

test("a job does not wait out one node's long rest while another one, which is away, may come back", async () => {
  const tired = await behindProxy();
  const away = await behindProxy();
  const pool = createPool([
    { name: "tired", url: tired.url },
    { name: "away", url: away.url },
  ]);
  await pool.open();
  tired.tamper = () => tooOften(600);
  await away.outage(true);
  await waitUntil(
    async () => {
      await pool.asOne.head("latest").catch(() => null);
      return pool.nodes[1]?.isServing === false && pool.nodes[0]?.isResting;
    },
    { what: "an outage and a refusal" },
  );
  const { dependencies } = createFakeWorld({ node: pool.asOne, nodes: pool });
  const budgets = new NodeBudgets(undefined);
  const result = await budgets.during(1, (traceBudgets) => {
    const input = { fromBlock: 0, toBlock: 0, traceBudgets };
    return startIndexBlocks({ dependencies, engine: traceEngine, input }).result;
  });
  expect(result).toMatchObject({ blocks: 0, failedCount: 0 });
  expect(budgets.restMs(Date.now())).toBeGreaterThan(5000);
  expect(budgets.restMs(Date.now())).toBeLessThanOrEqual(10_000);

  await away.outage(false);
  await waitUntil(() => pool.open().then(() => pool.nodes[1]?.isServing), {
    what: "the node back",
  });
  expect(pool.restMs()).toBeNull();
});

test("a node that one worker was asked to leave alone gets no trace of another worker, and the other node all", async () => {
  const chain = await startAnvil({ args: ["--no-mining", "--order=fifo"] });
  const { blocks } = await prepareChain({ rpcUrl: chain.url, seed: 7, targetSteps: 2_000 });
  const traced: number[] = [];
  let refusals = 0;
  const tired = await behindProxy(({ method, params: [, options] }) => {
    const isSteps = !JSON.stringify(options ?? {}).includes("callTracer");
    if (method !== "debug_traceBlockByHash" || !isSteps) return undefined;
    traced.push(Date.now());
    refusals -= 1;
    return refusals === 0 ? tooOften(600) : undefined;
  }, chain.url);
  const members = [
    { name: "tired", url: tired.url },
    { name: "fresh", url: chain.url },
  ];
  const worker = async () => {
    const pool = createPool(members);
    await pool.open();
    return createFakeWorld({ node: pool.asOne, nodes: pool });
  };
  const [first, second] = await Promise.all([worker(), worker()]);
  const budgets = new NodeBudgets(undefined);
  const index = ({ dependencies }: typeof first, [fromBlock, toBlock]: [number, number]) =>
    budgets.during(
      2,
      (traceBudgets) =>
        startIndexBlocks({
          dependencies,
          engine: traceEngine,
          input: { fromBlock, toBlock, traceBudgets },
        }).result,
    );
  // The probes of both are over; the next trace there is refused.
  refusals = 1;
  const half = Math.floor(blocks / 2);
  expect(await index(first, [0, half])).toMatchObject({
    nextBlock: half + 1,
    failedCount: 0,
    nodes: [
      { node: "tired", refusals: 1 },
      { node: "fresh", refusals: 0 },
    ],
  });
  expect(traced.length).toBeGreaterThan(0);
  traced.length = 0;

  const result = await index(second, [half + 1, blocks]);
  expect(result).toMatchObject({ nextBlock: blocks + 1, failedCount: 0 });
  expect(result.nodes).toMatchObject([{ node: "tired", refusals: 0 }, { node: "fresh" }]);
  expect(result.nodes?.[0]?.restMs).toBeGreaterThan(500_000);
  expect(traced).toEqual([]);
  await chain.stop();
});

test("a flood of other requests does not delay the head's at a node with few requests a second", async () => {
  const perSecond = 30;
  const came: { readonly method: string; readonly atMs: number }[] = [];
  const proxy = await behindProxy(({ method }) => {
    came.push({ method, atMs: performance.now() });
    return undefined;
  });
  const pool = createPool([{ name: "slow", url: proxy.url, requestsPerSecond: perSecond }]);
  await pool.open();
  const node = pool.nodes[0];
  if (!node) throw new Error("no node");
  came.length = 0;
  const beganAtMs = performance.now();
  const flood = new AbortController();
  setMaxListeners(0, flood.signal);
  // Single calls, so that none shares a request.
  const others = Array.from({ length: 1500 }, () =>
    node.node.calls.ask({ method: "eth_chainId", params: [] }, { signal: flood.signal }),
  );
  const ended = Promise.allSettled(others);
  await waitUntil(() => came.length >= perSecond, { what: "the flood" });
  const ofFlood = () => came.filter(({ method }) => method === "eth_chainId").length;
  // Counted, not timed: a slow machine delays all requests alike.
  const passed: number[] = [];
  for (let round = 0; round < 16; round += 1) {
    const before = ofFlood();
    await node.headNode.head("latest");
    passed.push(ofFlood() - before);
  }
  expect(node.requestsWaiting).toBeGreaterThan(100);
  flood.abort();
  await ended;
  // In line behind the flood, the first would be passed by all of it. A machine that stands still for a while fills the
  // bucket for both.
  expect(passed.toSorted((a, b) => a - b)[passed.length / 2]).toBeLessThanOrEqual(1);
  // One second's worth at once, then thirty a second, whenever one looks.
  for (const [index, { atMs }] of came.entries()) {
    const due = perSecond + ((atMs - beganAtMs) * perSecond) / 1000;
    expect(index).toBeLessThanOrEqual(due);
  }
}, 60_000);
