import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
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
    const tired = await behindProxy(() => (isTired ? tooOften(6) : undefined));
    const pool = createPool([
      { name: "tired", url: tired.url },
      { name: "fresh", url: anvil.url },
    ]);
    await pool.open();
    isTired = true;
    await pool.asOne.head("latest");
    await waitUntil(() => pool.nodes[0]?.isResting, { what: "the refusal", timeoutMs: 5000 });
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
    const tired = await behindProxy(() => (isTired ? tooOften(6) : undefined));
    const pool = createPool([{ name: "tired", url: tired.url }]);
    await pool.open();
    isTired = true;
    await expect(pool.asOne.head("latest")).rejects.toThrow("it asks to be left alone for 6 s");
    isTired = false;
    const before = tired.requests;
    await expect(pool.asOne.head("latest")).rejects.toThrow("it asks to be left alone for");
    await pool.open();
    expect(tired.requests).toBe(before);
    expect(pool.restMs()).toBeGreaterThan(4000);
    // The last moment of a rest is waited for.
    await sleep(1500);
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
      { what: "an outage", timeoutMs: 10_000 },
    );
    busy.tamper = () => tooOften(4);
    const before = busy.requests;
    await busy.outage(false);
    await waitUntil(
      async () => {
        await pool.choose(0, new Set());
        return busy.requests > before;
      },
      { what: "the trial that is refused", timeoutMs: 20_000 },
    );
    const refusedAtMs = Date.now();
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
      { what: "the node back", timeoutMs: 20_000, everyMs: 20 },
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
    { what: "an outage and a refusal", timeoutMs: 10_000 },
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
    timeoutMs: 20_000,
  });
  expect(pool.restMs()).toBeNull();
}, 60_000);

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
}, 90_000);

test("a flood of other requests does not delay the head's at a node with few requests a second", async () => {
  const counted: number[] = [];
  const proxy = await behindProxy(() => {
    counted.push(Date.now());
    return undefined;
  });
  const pool = createPool([{ name: "slow", url: proxy.url, requestsPerSecond: 30 }]);
  await pool.open();
  await sleep(1000);
  counted.length = 0;
  const node = pool.nodes[0];
  if (!node) throw new Error("no node");
  const flood = new AbortController();
  setMaxListeners(0, flood.signal);
  // Single calls, so that none shares a request.
  const others = Array.from({ length: 300 }, () =>
    node.node.calls.ask({ method: "eth_chainId", params: [] }, { signal: flood.signal }),
  );
  const ended = Promise.allSettled(others);
  await sleep(500);
  const waits: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    const startedAt = performance.now();
    await node.headNode.head("latest");
    waits.push(performance.now() - startedAt);
    await sleep(200);
  }
  flood.abort();
  await ended;
  // Of most: a machine with other work delays one now and then. Behind the flood each would wait for seconds.
  expect(waits.toSorted((a, b) => a - b)[waits.length / 2]).toBeLessThan(500);
  // One second's worth at once, then thirty a second.
  const first = counted[0] ?? 0;
  const inTwoSeconds = counted.filter((atMs) => atMs - first < 2000).length;
  expect(inTwoSeconds).toBeLessThanOrEqual(30 + 60 + 1);
  expect(inTwoSeconds).toBeGreaterThan(60);
});
