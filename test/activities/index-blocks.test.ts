import { EventEmitter, once } from "node:events";
import { setImmediate as tick } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type {
  IndexBlocksHeartbeat,
  IndexBlocksInput,
  IndexBlocksResult,
} from "../../src/workflows/index-activities.ts";
import { type IndexAttempt, startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, type FakeWorld, fakeEngine } from "../support/fakes.ts";

/** Starts one attempt of the activity, as the worker would. */
function start(
  { dependencies }: FakeWorld,
  input: Partial<IndexBlocksInput>,
  heartbeatDetails?: IndexBlocksHeartbeat,
): IndexAttempt {
  return startIndexBlocks({ dependencies, engine: fakeEngine, input, heartbeatDetails });
}

function index(world: FakeWorld, input: Partial<IndexBlocksInput>): Promise<IndexBlocksResult> {
  return start(world, input).result;
}

function statuses(world: FakeWorld): string[] {
  return world.node.chain.map(({ ref }) => world.ledger.winner(ref.number)?.status ?? "nothing");
}

describe("a closed range", () => {
  test("shows every row of every block, empty ones and genesis included", async () => {
    const world = createFakeWorld();
    world.node.mine(3, { steps: 5 }).mine(1, { transactions: 0, steps: 0 }).mine(2, { steps: 7 });

    const result = await index(world, { toBlock: 5 });

    expect(result).toMatchObject({ nextBlock: 6, blocks: 6, failedCount: 0, transactions: 4 });
    expect([0, 1, 2, 3, 4, 5].map((number) => world.shown(number))).toEqual([0, 5, 5, 0, 7, 7]);
    expect([0, 1, 2, 3, 4, 5].map((number) => world.shown(number, "transaction"))).toEqual([
      0, 1, 1, 0, 1, 1,
    ]);
    expect(world.node.traced).toEqual([1, 2, 4, 5]);
    expect(world.ledger.winner(3)).toMatchObject({ status: "complete", rowCount: 0 });
  });

  test("writes data before the ledger, and small blocks share the inserts", async () => {
    const world = createFakeWorld();
    world.node.mine(51);

    await index(world, { toBlock: 50 });

    expect(world.events.map((event) => event.kind)).toEqual(["insert", "insert", "ledger"]);
    expect(world.events[2]).toMatchObject({ kind: "ledger" });
    expect(world.ledger.versions).toHaveLength(51 * 2);
  });

  test("streams a block of many rows in several inserts and shows it whole", async () => {
    const world = createFakeWorld();
    world.node.mine(1).mine(1, { steps: 700_000 });

    await index(world, { toBlock: 1 });

    const inserts = world.events.filter(
      (event) => event.kind === "insert" && event.table === "execution_structlog",
    );
    expect(inserts.length).toBeGreaterThan(2);
    expect(world.shown(1)).toBe(700_000);
    expect(world.events.at(-1)?.kind).toBe("ledger");
  });

  test("traces light blocks side by side; a heavy one is computed while the one before arrives", async () => {
    const light = createFakeWorld();
    light.node.mine(20);
    light.node.beforeChunk = () => tick();
    await index(light, { toBlock: 19 });
    expect(light.node.mostTracesInFlight).toBeGreaterThan(2);

    const heavy = createFakeWorld();
    heavy.node.mine(6, { steps: 2000 });
    heavy.node.beforeChunk = () => tick();
    await index(heavy, { toBlock: 5 });
    expect(heavy.node.mostTracesInFlight).toBe(2);
  });

  test("traces the next blocks while those before are written", async () => {
    const world = createFakeWorld();
    world.node.mine(128);
    const gate = new EventEmitter();
    world.ledger.beforeWrite = async () => {
      await once(gate, "open");
    };
    const attempt = start(world, { toBlock: 127 });

    await expect.poll(() => gate.listenerCount("open")).toBe(1);
    await expect.poll(() => world.node.traced.at(-1)).toBe(127);
    expect(world.ledger.versions).toEqual([]);
    world.ledger.beforeWrite = () => {};
    gate.emit("open");
    await attempt.result;
    expect(new Set(statuses(world))).toEqual(new Set(["complete"]));
  });

  test("loses no row where several traces fill the writers at once", async () => {
    const world = createFakeWorld();
    world.node.mine(31, { steps: 60_000 });
    world.node.gasPerStep = 1;
    world.node.chunkBytes = 10_000;
    world.node.beforeChunk = () => tick();
    world.rows.beforeInsert = async () => {
      for (let i = 0; i < 50; i += 1) await tick();
    };

    const result = await index(world, { toBlock: 30 });

    expect(world.node.mostTracesInFlight).toBeGreaterThan(2);
    expect(result).toMatchObject({ failedCount: 0, rows: 30 * 60_001 });
    expect(world.node.chain.map(({ ref }) => world.shown(ref.number))).toEqual(
      world.node.chain.map(({ steps }) => steps),
    );
  });

  test("skips what is complete and traces it again only when forced", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    await index(world, { toBlock: 2 });

    const second = await index(world, { toBlock: 2 });
    expect(second).toMatchObject({ blocks: 3, skipped: 3, nextBlock: 3 });
    expect(world.node.traced).toEqual([1, 2]);

    await index(world, { fromBlock: 1, toBlock: 1, force: true });
    expect(world.ledger.winner(1)).toMatchObject({ status: "complete", generation: 1 });
    expect(world.ledger.winner(2)).toMatchObject({ status: "complete", generation: 0 });
    expect(world.shown(1)).toBe(10);
  });

  test("traces only for the processors that are not complete", async () => {
    const world = createFakeWorld();
    world.node.mine(2);
    await index(world, { toBlock: 1, processors: ["transaction"] });
    expect(world.shown(1)).toBe(0);

    await index(world, { toBlock: 1 });
    expect(world.shown(1)).toBe(10);
    expect(world.ledger.winner(1, "transaction")).toMatchObject({ generation: 0, attempts: 1 });
  });
});

describe("a block that fails", () => {
  test.each([
    ["cut", "trace_cut"],
    ["malformed", "trace_malformed"],
    ["short", "proof_mismatch"],
    ["refused", "trace_refused"],
  ] as const)("is booked when its trace is %s, and the rest goes on", async (fault, kind) => {
    const world = createFakeWorld();
    world.node.mine(6);
    world.node.traceFaults.set(3, fault);

    const result = await index(world, { toBlock: 5 });

    expect(result).toMatchObject({ nextBlock: 6, blocks: 6, failedCount: 1 });
    expect(result.failed).toEqual([{ blockNumber: 3, kind, reason: expect.any(String) }]);
    expect(statuses(world)).toEqual([
      "complete",
      "complete",
      "complete",
      "failed",
      "complete",
      "complete",
    ]);
    expect(world.shown(3)).toBe(0);
    expect(world.ledger.winner(3)).toMatchObject({
      errorKind: kind,
      attempts: 1,
      nextAttemptAt: expect.any(String),
    });
  });

  test("is booked when it passes its own deadline", async () => {
    const world = createFakeWorld({ blockDeadlineMs: 50 });
    world.node.mine(4);
    world.node.traceFaults.set(2, "hang");

    await index(world, { toBlock: 3 });

    expect(world.ledger.winner(2)).toMatchObject({
      status: "failed",
      errorKind: "deadline_exceeded",
    });
    expect(world.ledger.winner(3)).toMatchObject({ status: "complete" });
  });

  test("is booked when fewer rows are stored than its trace had", async () => {
    const world = createFakeWorld();
    world.node.mine(4);
    world.rows.losses = ({ blockNumber }) => (blockNumber === 2 ? 1 : 0);

    await index(world, { toBlock: 3 });

    expect(world.ledger.winner(2)).toMatchObject({
      status: "failed",
      errorKind: "row_count_mismatch",
    });
    expect(world.ledger.winner(3)).toMatchObject({ status: "complete" });
  });

  test("is quarantined at the last attempt that the policy allows", async () => {
    const world = createFakeWorld({
      retryPolicy: { initialDelayMs: 1, maximumDelayMs: 1, maximumAttempts: 3 },
    });
    world.node.mine(2);
    world.node.traceFaults.set(1, "cut");

    for (let attempt = 0; attempt < 3; attempt += 1) await index(world, { toBlock: 1 });

    expect(world.ledger.winner(1)).toMatchObject({
      status: "quarantined",
      attempts: 3,
      nextAttemptAt: null,
    });
  });

  test("recovers in the same generation", async () => {
    const world = createFakeWorld();
    world.node.mine(2);
    world.node.traceFaults.set(1, "cut");
    await index(world, { toBlock: 1 });
    world.node.traceFaults.clear();

    await index(world, { toBlock: 1 });

    expect(world.ledger.winner(1)).toMatchObject({
      status: "complete",
      generation: 0,
      attempts: 2,
    });
    expect(world.shown(1)).toBe(10);
  });

  test("stays complete when a requeue of it fails", async () => {
    const world = createFakeWorld();
    world.node.mine(2);
    await index(world, { toBlock: 1 });
    world.node.traceFaults.set(1, "short");

    const result = await index(world, { fromBlock: 1, toBlock: 1, force: true });

    expect(result.failedCount).toBe(1);
    expect(world.ledger.winner(1)).toMatchObject({ status: "complete", generation: 0 });
    expect(world.shown(1)).toBe(10);
  });
});

describe("an outage", () => {
  test("of the node books nothing, says what it waits for, and keeps the checkpoint", async () => {
    const world = createFakeWorld();
    world.node.mine(600);
    world.node.traceFaults.set(550, "kill-node");

    const attempt = start(world, { toBlock: 599 });
    await expect(attempt.result).rejects.toMatchObject({ name: "NodeUnavailableError" });

    const last = attempt.heartbeats.at(-1);
    expect(last).toMatchObject({ inHand: null, waitingFor: expect.stringContaining("fake") });
    expect(last?.nextBlock).toBe(512);
    expect(world.ledger.versions.filter(({ status }) => status !== "complete")).toEqual([]);

    world.node.isDown = false;
    world.node.traceFaults.clear();
    const result = await start(world, { toBlock: 599 }, last).result;
    expect(result).toMatchObject({ nextBlock: 600, blocks: 600, failedCount: 0 });
    expect(new Set(statuses(world))).toEqual(new Set(["complete"]));
  });

  test("of ClickHouse books nothing and says what it waits for", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    world.rows.isDown = true;

    const attempt = start(world, { toBlock: 2 });

    await expect(attempt.result).rejects.toMatchObject({ name: "StorageUnavailableError" });
    expect(attempt.heartbeats.at(-1)?.waitingFor).toContain("ClickHouse");
    expect(world.ledger.versions).toEqual([]);
  });

  test("of our own making books nothing", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    world.node.traceFaults.set(2, "bug");

    await expect(index(world, { toBlock: 2 })).rejects.toThrow("a bug of ours");
    expect(world.ledger.versions).toEqual([]);
  });
});

function heartbeatAt(
  nextBlock: number,
  inHand: IndexBlocksHeartbeat["inHand"],
): IndexBlocksHeartbeat {
  return {
    v: 1,
    nextBlock,
    done: {
      head: null,
      blocks: nextBlock,
      skipped: 0,
      transactions: 7,
      rows: 70,
      failedCount: 0,
      failed: [],
      gasUsed: 0,
      seconds: 1,
      reorgs: [],
    },
    inHand,
    waitingFor: null,
  };
}

describe("a lost attempt", () => {
  test("resumes at its checkpoint and keeps counting", async () => {
    const world = createFakeWorld();
    world.node.mine(10);

    const result = await start(world, { toBlock: 9 }, heartbeatAt(6, null)).result;

    expect(world.node.traced).toEqual([6, 7, 8, 9]);
    expect(result).toMatchObject({ blocks: 10, transactions: 11 });
  });

  test("counts against the block that it had in hand", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    const details = heartbeatAt(6, { blockNumber: 8, lostAttempts: 0 });

    const attempt = start(world, { toBlock: 9 }, details);
    await attempt.result;

    expect(world.node.mostTracesInFlight).toBe(1);
    expect(world.ledger.winner(8)).toMatchObject({ status: "complete" });
  });

  test("tells the next one how often the block was lost, with all before it written", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    world.node.traceFaults.set(8, "hang");
    const attempt = start(
      world,
      { toBlock: 9 },
      heartbeatAt(6, { blockNumber: 8, lostAttempts: 0 }),
    );

    await expect
      .poll(() => attempt.heartbeats.at(-1))
      .toMatchObject({ nextBlock: 8, inHand: { blockNumber: 8, lostAttempts: 1 } });
    expect(statuses(world).slice(6, 8)).toEqual(["complete", "complete"]);
    attempt.cancel();
    await attempt.result;
  });

  test("books a block in hand at two lost attempts as worker_lost and goes on", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    const details = heartbeatAt(6, { blockNumber: 8, lostAttempts: 1 });

    const result = await start(world, { toBlock: 9 }, details).result;

    expect(world.node.traced).not.toContain(8);
    expect(world.ledger.winner(8)).toMatchObject({ status: "failed", errorKind: "worker_lost" });
    expect(world.ledger.winner(9)).toMatchObject({ status: "complete" });
    expect(result.failedCount).toBe(1);
  });
});

describe("a cancellation", () => {
  test("stops in the middle of a block within 200 ms and leaves the checkpoint", async () => {
    const world = createFakeWorld();
    world.node.mine(262);
    world.node.traceFaults.set(258, "hang");
    const attempt = start(world, { toBlock: 261 });
    await expect.poll(() => world.node.traced).toContain(258);

    const cancelledAt = Date.now();
    attempt.shutDown();
    await expect(attempt.result).rejects.toMatchObject({ name: "CancelledFailure" });

    expect(Date.now() - cancelledAt).toBeLessThan(200);
    expect(attempt.heartbeats.at(-1)).toMatchObject({ inHand: null, nextBlock: 256 });
    expect(world.ledger.winner(258)).toBeUndefined();
  });

  test("on request answers what was done before it", async () => {
    const world = createFakeWorld();
    world.node.mine(262);
    world.node.traceFaults.set(258, "hang");
    const attempt = start(world, { toBlock: 261 });
    await expect.poll(() => world.node.traced).toContain(258);
    attempt.cancel();
    expect(await attempt.result).toMatchObject({ nextBlock: 256, blocks: 256 });
  });

  test("stops while ClickHouse hangs", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    world.rows.beforeInsert = () => new Promise(() => {});
    const attempt = start(world, { toBlock: 2 });
    await expect.poll(() => world.node.traced).toContain(2);
    attempt.cancel();
    expect(await attempt.result).toMatchObject({ nextBlock: 0, blocks: 0 });
    expect(world.ledger.versions).toEqual([]);
  });
});

describe("a cancellation of an attempt whose storage does not listen", () => {
  test("ends it all the same", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    let isAsked = false;
    world.networks.raiseFinalized = () => {
      isAsked = true;
      return new Promise(() => {});
    };
    const attempt = start(world, { toBlock: 2 });
    await expect.poll(() => isAsked).toBe(true);
    attempt.cancel();
    expect(await attempt.result).toMatchObject({ nextBlock: 0, blocks: 0 });
  });
});

describe("a zombie attempt", () => {
  test("that goes on writing changes nothing that the views show", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    const gate = new EventEmitter();
    world.node.beforeChunk = async (number) => {
      if (number === 2) await once(gate, "open");
    };
    world.node.traceFaults.set(2, "short");
    const zombie = start(world, { toBlock: 2 });
    await expect.poll(() => world.node.traced).toContain(2);

    world.node.beforeChunk = () => {};
    world.node.traceFaults.clear();
    await index(world, { toBlock: 2 });
    await index(world, { toBlock: 2, force: true });
    const shown = [1, 2].map((number) => world.ledger.winner(number)?.attemptId);
    gate.emit("open");
    await zombie.result;

    expect(statuses(world)).toEqual(["complete", "complete", "complete"]);
    expect([1, 2].map((number) => world.ledger.winner(number)?.attemptId)).toEqual(shown);
    expect([1, 2].map((number) => world.shown(number))).toEqual([10, 10]);
  });

  test("that completes a block of the old branch late is not shown", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    const gate = new EventEmitter();
    // The zombie stands still between its last look at the chain and its ledger insert.
    world.ledger.beforeWrite = async () => {
      await once(gate, "open");
    };
    const zombie = start(world, { toBlock: 2 });
    await expect.poll(() => gate.listenerCount("open")).toBe(1);
    world.ledger.beforeWrite = () => {};
    world.node.reorg(1, 1, { steps: 4 });
    await startIndexBlocks({
      dependencies: world.dependencies,
      engine: fakeEngine,
      input: { toBlock: 2 },
      attempt: 2,
    }).result;
    gate.emit("open");
    await zombie.result;

    expect(world.ledger.winner(2)?.blockHash).toBe(world.node.at(2).ref.hash);
    expect(world.shown(2)).toBe(4);
  });
});

describe("a reorg", () => {
  test.each([1, 2, 5, 19])("of depth %i is followed in one ledger insert", async (depth) => {
    const world = createFakeWorld();
    world.node.mine(20);
    await index(world, { toBlock: 19 });
    world.node.reorg(depth, depth + 1, { steps: 3 });
    const before = world.events.length;

    const result = await index(world, { fromBlock: 20, toBlock: 20 });

    expect(result.reorgs).toEqual([{ depth, ancestor: 19 - depth }]);
    const mendings = world.events
      .slice(before)
      .filter((event) => event.kind === "ledger" && event.rows[0]?.reason.startsWith("reorg"));
    expect(mendings).toHaveLength(1);
    for (const { ref, steps } of world.node.chain) {
      expect(world.ledger.winner(ref.number)).toMatchObject({
        status: "complete",
        blockHash: ref.hash,
        generation: ref.number > 19 - depth && ref.number < 20 ? 2 : 0,
      });
      expect(world.shown(ref.number)).toBe(steps);
    }
  });

  test("onto a shorter branch retracts what that branch does not reach", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await index(world, { toBlock: 9 });
    world.node.reorg(5, 2);

    const attempt = start(world, { fromBlock: 10, toBlock: null, maximumBlocks: 100 });
    await expect.poll(() => world.ledger.winner(9)?.status).toBe("retracted");

    expect([5, 6, 7, 8, 9].map((number) => world.ledger.winner(number)?.status)).toEqual([
      "complete",
      "complete",
      "retracted",
      "retracted",
      "retracted",
    ]);
    expect(world.ledger.winner(7, "transaction")?.status).toBe("retracted");
    world.node.mine(4);
    await expect.poll(() => world.ledger.winner(10)?.status).toBe("complete");
    expect(new Set(statuses(world))).toEqual(new Set(["complete"]));
    attempt.cancel();
    await attempt.result;
  });

  test("between data and ledger makes the block be indexed again", async () => {
    const world = createFakeWorld();
    world.node.mine(5);
    let isMoved = false;
    world.node.beforeRefs = () => {
      if (!isMoved) world.node.reorg(2, 3, { steps: 4 });
      isMoved = true;
    };

    await index(world, { toBlock: 4 });

    for (const number of [1, 2, 3, 4]) {
      expect(world.ledger.winner(number)?.blockHash).toBe(world.node.at(number).ref.hash);
      expect(world.shown(number)).toBe(world.node.at(number).steps);
    }
  });

  test("found while the next blocks are traced already lets those go", async () => {
    const world = createFakeWorld();
    world.node.mine(200);
    let isMoved = false;
    world.node.beforeRefs = () => {
      if (!isMoved) world.node.reorg(150, 151, { steps: 4 });
      isMoved = true;
    };

    const result = await index(world, { toBlock: 199 });

    expect(result).toMatchObject({ blocks: 200, failedCount: 0, nextBlock: 200 });
    for (let number = 0; number < 200; number += 1) {
      expect(world.ledger.winner(number)?.blockHash).toBe(world.node.at(number).ref.hash);
      expect(world.shown(number)).toBe(world.node.at(number).steps);
    }
  });

  test("deeper than the rows known to be final stops and changes nothing", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await index(world, { toBlock: 9 });
    world.networks.swept.set("net", 7);
    world.node.reorg(5, 6);
    const before = world.ledger.versions.length;

    await expect(index(world, { fromBlock: 10, toBlock: 10 })).rejects.toMatchObject({
      name: "ReorgBeyondFinalityError",
    });
    expect(world.ledger.versions).toHaveLength(before);
  });

  test("found beneath the finalized block by a forced trace stops too", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await index(world, { toBlock: 4 });
    world.node.reorg(8, 8);
    world.networks.swept.set("net", 8);
    world.networks.finalized.set("net", 8);
    await index(world, { fromBlock: 6, toBlock: 8 });

    await expect(index(world, { fromBlock: 5, toBlock: 5, force: true })).rejects.toMatchObject({
      name: "ReorgBeyondFinalityError",
    });
  });

  test("of a node that contradicts itself is waited out", async () => {
    const world = createFakeWorld();
    world.node.mine(6);
    await index(world, { toBlock: 4 });
    world.node.claimedParents.set(5, world.node.at(1).ref.hash);

    const attempt = start(world, { fromBlock: 5, toBlock: 5 });
    await expect
      .poll(() => attempt.heartbeats.at(-1)?.waitingFor)
      .toContain("agrees with itself on block 5");
    expect(world.ledger.winner(5)).toBeUndefined();
    world.node.claimedParents.clear();

    await expect(attempt.result).resolves.toMatchObject({ nextBlock: 6, reorgs: [] });
    expect(world.shown(5)).toBe(10);
  });

  test("that ends in a block which fails books it on the new branch", async () => {
    const world = createFakeWorld();
    world.node.mine(6);
    await index(world, { toBlock: 5 });
    world.node.reorg(2, 3);
    world.node.traceFaults.set(5, "cut");

    await index(world, { fromBlock: 6, toBlock: 6 });

    expect(world.ledger.winner(5)).toMatchObject({
      status: "failed",
      blockHash: world.node.at(5).ref.hash,
      generation: 2,
    });
    expect(world.shown(4)).toBe(10);
    expect(world.shown(5)).toBe(0);
  });
});

/** Milliseconds from now to the answer's call, without those in which a busy machine let this process stand still. */
function startAwakeClock(): () => number {
  const tickMs = 20;
  let lastAtMs = performance.now();
  let awakeMs = 0;
  const look = () => {
    awakeMs += Math.min(performance.now() - lastAtMs, 2 * tickMs);
    lastAtMs = performance.now();
  };
  const timer = setInterval(look, tickMs);
  return () => {
    clearInterval(timer);
    look();
    return awakeMs;
  };
}

describe("an open range", () => {
  test("shows a new block within a second of its mining", async () => {
    const world = createFakeWorld();
    world.node.mine(3);
    const attempt = start(world, { fromBlock: 1, toBlock: null });
    await expect.poll(() => world.shown(2)).toBe(10);

    const awakeMs = startAwakeClock();
    world.node.mine(1);
    await expect.poll(() => world.shown(3), { interval: 20 }).toBe(10);
    expect(awakeMs()).toBeLessThan(1000);
    attempt.cancel();
    await attempt.result;
  });

  test("ends after its most blocks and says what is next", async () => {
    const world = createFakeWorld();
    world.node.mine(30);

    const result = await index(world, { fromBlock: 5, toBlock: null, maximumBlocks: 10 });

    expect(result).toMatchObject({ nextBlock: 15, head: 29, blocks: 10 });
  });

  test("books nothing where a block of the head is gone again, and takes it when it is back", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await index(world, { toBlock: 9 });
    world.node.mine(1);
    const gone = world.node.chain.slice(10);
    world.node.headOverride = 10;
    world.node.afterHead = () => world.node.chain.splice(10);
    const attempt = start(world, { fromBlock: 10, toBlock: null, maximumBlocks: 1 });
    await expect.poll(() => attempt.heartbeats.at(-1)?.waitingFor).toContain("block 10");
    expect(world.ledger.winner(10)).toBeUndefined();

    world.node.afterHead = () => {};
    world.node.chain.push(...gone);
    await expect(attempt.result).resolves.toMatchObject({ nextBlock: 11, failedCount: 0 });
    expect(world.shown(10)).toBe(10);
  });

  test("waits where the node is behind, without going back", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await index(world, { toBlock: 9 });
    world.node.headOverride = 5;
    const attempt = start(world, { fromBlock: 10, toBlock: null, maximumBlocks: 1 });
    await expect.poll(() => attempt.heartbeats.at(-1)?.waitingFor).toBe("block 10; the head is 5");

    world.node.headOverride = null;
    world.node.mine(1);
    await expect(attempt.result).resolves.toMatchObject({ nextBlock: 11, reorgs: [] });
  });

  test("notices a reorg at the height that it has indexed", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await index(world, { toBlock: 9 });
    world.node.reorg(1, 1, { steps: 4 });

    const attempt = start(world, { fromBlock: 10, toBlock: null });
    await expect.poll(() => world.shown(9)).toBe(4);
    attempt.cancel();
    await attempt.result;
  });
});
