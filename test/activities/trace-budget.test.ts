import { setImmediate as tick } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ExecutionNode, NodeCondition, NodePool } from "../../src/activities/ports.ts";
import { NodeUnavailableError } from "../../src/errors.ts";
import type { IndexBlocksHeartbeat } from "../../src/workflows/index-activities.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, FakeNode, fakeEngine } from "../support/fakes.ts";

/** One node that may be told to refuse, or to rest, as the pool of a worker knows it. */
function oneNode(blocks: number) {
  const node = new FakeNode().mine(blocks, { steps: 2000 });
  node.beforeChunk = () => tick();
  const state = {
    refusals: 7,
    restMs: 0,
    refusesFrom: Number.POSITIVE_INFINITY,
    asksForMs: 12_000,
  };
  const rested: number[] = [];
  const conditions = (): NodeCondition[] => [
    { node: "fake", refusals: state.refusals, restMs: state.restMs },
  ];
  const refusing = new Proxy<ExecutionNode>(node, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key === "blockByNumber") {
        return async (blockNumber: number) => {
          if (blockNumber >= state.refusesFrom) {
            state.refusals += 1;
            state.restMs = state.asksForMs;
            throw new NodeUnavailableError({ node: "fake", method: "a", reason: "HTTP 429" });
          }
          return target.blockByNumber(blockNumber);
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const pool: NodePool = {
    size: 1,
    tracesAhead: 4,
    choose: async (_, tried) => (tried.has("fake") ? null : refusing),
    proved: () => {},
    contradict: () => {},
    restMs: () => state.restMs || null,
    conditions,
    rest: (_, restMs) => rested.push(restMs),
  };
  const world = createFakeWorld({ node: refusing, nodes: pool });
  return { node, state, rested, world };
}

const blocks = 12;
const input = { toBlock: blocks - 1 };

test("a call comes back early when its node asks for a rest that the workflow will wait for", async () => {
  const { state, world } = oneNode(blocks);
  state.refusesFrom = 6;
  const attempt = startIndexBlocks({
    dependencies: world.dependencies,
    engine: fakeEngine,
    input: { ...input, traceBudgets: [] },
  });
  const result = await attempt.result;
  expect(result).toMatchObject({ restMs: 12_000, failedCount: 0 });
  expect(result.nextBlock).toBeLessThanOrEqual(6);
  expect(result.blocks).toBe(result.nextBlock);
  expect(result.nodes).toEqual([
    { node: "fake", refusals: expect.any(Number), restMs: 12_000, traces: expect.any(Number) },
  ]);
  expect(result.nodes?.[0]?.refusals).toBeGreaterThan(0);
});

test("a follow's call comes back early too, at the block that it had reached", async () => {
  const { state, world } = oneNode(blocks);
  state.refusesFrom = 6;
  const attempt = startIndexBlocks({
    dependencies: world.dependencies,
    engine: fakeEngine,
    input: { fromBlock: 0, toBlock: null, maximumBlocks: 5, traceBudgets: [] },
  });
  const first = await attempt.result;
  expect(first).toMatchObject({ nextBlock: 5, blocks: 5, failedCount: 0 });
  const next = startIndexBlocks({
    dependencies: world.dependencies,
    engine: fakeEngine,
    input: { fromBlock: 6, toBlock: null, maximumBlocks: 5, traceBudgets: [] },
  });
  expect(await next.result).toMatchObject({ nextBlock: 6, blocks: 0, restMs: 12_000 });
});

test("a call whose workflow knows nothing of rests fails, to be tried again, and books nothing", async () => {
  const { state, world } = oneNode(blocks);
  state.refusesFrom = 0;
  state.asksForMs = 40_000;
  const attempt = startIndexBlocks({
    dependencies: world.dependencies,
    engine: fakeEngine,
    input,
  });
  await expect(attempt.result).rejects.toMatchObject({ name: "NodeUnavailableError" });
  expect(world.ledger.versions).toEqual([]);
  expect(attempt.heartbeats.at(-1)?.nodes?.[0]).toMatchObject({ node: "fake" });
});

test("a call has no more traces at a node than its workflow allows, and tells how many it had", async () => {
  const { node, world } = oneNode(blocks);
  const start = (traces: number | null) =>
    startIndexBlocks({
      dependencies: world.dependencies,
      engine: fakeEngine,
      input: { ...input, force: true, traceBudgets: [{ node: "fake", traces, restMs: 0 }] },
    }).result;
  const free = await start(null);
  expect(node.mostTracesInFlight).toBeGreaterThan(1);
  expect(free.nodes?.[0]?.traces).toBeGreaterThan(1);
  node.mostTracesInFlight = 0;
  node.traced.length = 0;
  const held = await start(1);
  expect(node.mostTracesInFlight).toBe(1);
  expect(node.traced.length).toBe(blocks - 1);
  expect(held).toMatchObject({ nextBlock: blocks, failedCount: 0 });
  expect(held.nodes).toEqual([{ node: "fake", refusals: 0, restMs: 0, traces: 1 }]);
});

test("a call heeds a rest that another worker was asked for, told by its workflow or by the attempt before", async () => {
  const { rested, world } = oneNode(3);
  const heartbeatDetails: IndexBlocksHeartbeat = {
    v: 1,
    nextBlock: 0,
    done: {
      head: null,
      blocks: 0,
      skipped: 0,
      transactions: 0,
      rows: 0,
      failedCount: 0,
      failed: [],
      gasUsed: 0,
      seconds: 0,
      reorgs: [],
    },
    inHand: null,
    waitingFor: null,
    nodes: [{ node: "fake", refusals: 2, restMs: 3000, traces: 4 }],
  };
  const { result } = startIndexBlocks({
    dependencies: world.dependencies,
    engine: fakeEngine,
    input: { toBlock: 2, traceBudgets: [{ node: "fake", traces: 2, restMs: 9000 }] },
    heartbeatDetails,
    attempt: 2,
  });
  const { nodes } = await result;
  expect(rested).toEqual([9000, 3000]);
  expect(nodes).toEqual([{ node: "fake", refusals: 2, restMs: 0, traces: 4 }]);
});

test("a call that heard nothing, and was told nothing, tells nothing", async () => {
  const { world } = oneNode(3);
  const { result } = startIndexBlocks({
    dependencies: world.dependencies,
    engine: fakeEngine,
    input: { toBlock: 2, traceBudgets: [] },
  });
  expect(await result).not.toHaveProperty("nodes");
});
