import { setImmediate as tick } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { ExecutionNode, NodePool } from "../../src/activities/ports.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, FakeNode, type FakeWorld, fakeEngine } from "../support/fakes.ts";

type Contradiction = { readonly node: string; readonly blockNumber: number; readonly kind: string };

/** Nodes in turn; one that was tried is not given again. */
function poolOf(nodes: Readonly<Record<string, FakeNode>>) {
  const inOrder = Object.entries(nodes).map(([name, node]) => named(name, node));
  const contradicted: Contradiction[] = [];
  let turn = 0;
  let restMs: number | null = null;
  const pool: NodePool = {
    size: inOrder.length,
    tracesAhead: 4,
    async choose(_blockNumber, tried) {
      turn += 1;
      const inTurn = inOrder.map((_, index) => inOrder[(index + turn) % inOrder.length]);
      return inTurn.find((node) => node && !tried.has(node.name)) ?? null;
    },
    proved() {},
    contradict: (node, { blockNumber, kind }) => contradicted.push({ node, blockNumber, kind }),
    restMs: () => restMs,
    conditions: () => [],
    rest: () => {},
  };
  return Object.assign(pool, {
    contradicted,
    restAll(milliseconds: number | null) {
      restMs = milliseconds;
    },
  });
}

/** The fake node under a name of its own. */
function named(name: string, node: FakeNode): ExecutionNode {
  return new Proxy<ExecutionNode>(node, {
    get: (target, key) => {
      if (key === "name") return name;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function twoNodes(blocks: number, steps: number) {
  const nodes = {
    a: new FakeNode().mine(blocks, { steps }),
    b: new FakeNode().mine(blocks, { steps }),
  };
  const pool = poolOf(nodes);
  const world = createFakeWorld({ node: named("b", nodes.b), nodes: pool });
  return { ...nodes, pool, world };
}

function start({ dependencies }: FakeWorld, toBlock: number) {
  return startIndexBlocks({ dependencies, engine: fakeEngine, input: { toBlock } });
}

describe("a network of two nodes", () => {
  test("both compute heavy blocks at the same time", async () => {
    const { a, b, world } = twoNodes(9, 5000);
    for (const node of [a, b]) node.beforeChunk = () => tick();
    await start(world, 8).result;
    expect([...a.traced, ...b.traced].toSorted((x, y) => x - y)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(Math.min(a.traced.length, b.traced.length)).toBeGreaterThanOrEqual(3);
  });

  test("a node that goes down in the middle of a trace: another traces the block under an attempt of its own", async () => {
    const { a, world } = twoNodes(2, 3000);
    a.traceFaults.set(1, "kill-node");
    const result = await start(world, 1).result;
    expect(result).toMatchObject({ failedCount: 0, nextBlock: 2 });
    expect(world.ledger.winner(1)).toMatchObject({ status: "complete", node: "b" });
    expect(world.shown(1)).toBe(3000);
    const attempts = new Set(world.rows.stored.get("execution_structlog")?.keys());
    expect(attempts.has(world.ledger.winner(1)?.attemptId ?? "")).toBe(true);
  });

  test("what one node cannot prove and another can is complete; the failure is kept beside it", async () => {
    const { a, world, pool } = twoNodes(6, 20);
    for (const number of [1, 2, 3, 4, 5]) a.traceFaults.set(number, "short");
    expect(await start(world, 5).result).toMatchObject({ failedCount: 0 });
    const failed = world.ledger.versions.filter(({ status }) => status === "failed");
    expect(failed.length).toBeGreaterThan(0);
    expect(new Set(failed.map(({ node }) => node))).toEqual(new Set(["a"]));
    expect(pool.contradicted).toContainEqual(
      expect.objectContaining({ node: "a", kind: "proof_mismatch" }),
    );
    for (const number of [1, 2, 3, 4, 5]) expect(world.shown(number)).toBe(20);
  });

  test("what both refuse is booked once each, and quarantined only after both refused three times", async () => {
    const { a, b, world } = twoNodes(2, 20);
    for (const node of [a, b]) node.traceFaults.set(1, "refused");
    await start(world, 1).result;
    expect(world.ledger.winner(1)).toMatchObject({ status: "failed", errorKind: "trace_refused" });
    await start(world, 1).result;
    expect(world.ledger.winner(1)).toMatchObject({ status: "failed" });
    await start(world, 1).result;
    expect(world.ledger.winner(1)).toMatchObject({ status: "quarantined" });
  });

  test("nothing is booked while the one is away and the other lags", async () => {
    const { a, b, world } = twoNodes(5, 20);
    a.isDown = true;
    b.chain.splice(3);
    await expect(start(world, 4).result).rejects.toMatchObject({ name: "NodeUnavailableError" });
    expect(world.ledger.versions.some(({ blockNumber }) => blockNumber > 2)).toBe(false);
  });

  test("nothing is booked while both are away", async () => {
    const { a, b, world } = twoNodes(5, 20);
    const attempt = start(world, 4);
    a.isDown = true;
    b.isDown = true;
    await expect(attempt.result).rejects.toMatchObject({ name: "NodeUnavailableError" });
    expect(world.ledger.versions).toEqual([]);
  });

  test("a block of another hash at the second node is not taken in the place of the first one's", async () => {
    const { a, b, world } = twoNodes(3, 20);
    b.reorg(1, 1, { steps: 20 });
    a.traceFaults.set(2, "short");
    const wanted = a.at(2).ref.hash;
    await start(world, 2).result;
    const winner = world.ledger.winner(2);
    const isOfOneNode =
      (winner?.node === "b" && winner.blockHash === b.at(2).ref.hash) ||
      (winner?.node === "a" && winner.blockHash === wanted && winner.status === "failed");
    expect(isOfOneNode).toBe(true);
  });
});
