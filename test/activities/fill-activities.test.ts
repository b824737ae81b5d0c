import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { describe, expect, test } from "vitest";
import { createActivities } from "../../src/activities/index.ts";
import type { ExpectedRange } from "../../src/activities/ports.ts";
import type { LedgerRow } from "../../src/domain/ledger.ts";
import { nextLedgerRow } from "../../src/domain/ledger-transition.ts";
import type { FindGapsResult, IndexActivities } from "../../src/workflows/index-activities.ts";
import { createFakeWorld, type FakeWorld, fakeEngine } from "../support/fakes.ts";

/** Calls an activity as the worker would. */
function call<Output>(
  world: FakeWorld,
  work: (activities: IndexActivities) => Promise<Output>,
): Promise<Output> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") });
  const activities = createActivities(world.dependencies, fakeEngine);
  return environment.run<[], Output, () => Promise<Output>>(() => work(activities));
}

const processors = ["structlog", "transaction"] as const;

function failedRow(blockNumber: number, change: Partial<LedgerRow> = {}): LedgerRow {
  const row = nextLedgerRow({
    key: { network: "net", processor: "structlog", blockNumber },
    previous: undefined,
    event: { kind: "retracted" },
    origin: { workflowId: "w", runId: "r", reason: "", actor: "" },
  });
  return { ...row, status: "failed", attempts: 3, errorKind: "trace_cut", ...change };
}

function runningRange(change: Partial<ExpectedRange>): ExpectedRange {
  return {
    network: "net",
    processor: "structlog",
    fromBlock: 0,
    toBlock: 99,
    origin: "backfill",
    workflowId: "backfill/net/0-99",
    state: "running",
    ...change,
  };
}

describe("planChunk", () => {
  test("takes what the gas allows from the end at which work goes on", async () => {
    const world = createFakeWorld();
    world.node.mine(51, { steps: 1000 });
    const input = { network: "net", fromBlock: 1, toBlock: 50, gasPerChunk: 5_000_000 };

    const oldest = await call(world, (activities) =>
      activities.planChunk({ ...input, order: "oldest-first" }),
    );
    const newest = await call(world, (activities) =>
      activities.planChunk({ ...input, order: "newest-first" }),
    );

    expect(oldest.following?.[0]).toEqual({ fromBlock: 6, toBlock: 10, gasUsed: 5_000_000 });
    expect(oldest).toMatchObject({ fromBlock: 1, toBlock: 5, gasUsed: 5_000_000 });
    expect(newest).toMatchObject({ fromBlock: 46, toBlock: 50, gasUsed: 5_000_000 });
  });

  test("plans a fixed length where the node tells no gas", async () => {
    const world = createFakeWorld();
    world.node.gasUsed = async () => null;
    const chunk = await call(world, (activities) =>
      activities.planChunk({
        network: "net",
        fromBlock: 0,
        toBlock: 999,
        order: "oldest-first",
        gasPerChunk: null,
      }),
    );
    expect(chunk).toEqual({ fromBlock: 0, toBlock: 99, gasUsed: null });
  });
});

describe("findGaps", () => {
  test("tells while it lasts that its worker lives", async () => {
    const world = createFakeWorld();
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") });
    const beat = new Promise((resolve) => environment.once("heartbeat", resolve));
    // The ledger answers after the first heartbeat, and never without one.
    const findGaps = world.ledger.findGaps.bind(world.ledger);
    world.ledger.findGaps = (query) => beat.then(() => findGaps(query));
    const activities = createActivities(world.dependencies, fakeEngine);

    const gaps = await environment.run<[], FindGapsResult, () => Promise<FindGapsResult>>(() =>
      activities.findGaps({ network: "net", processors, limit: 1 }),
    );

    expect(gaps.counts).toEqual({ missing: 0, failed: 0, quarantined: 0 });
  });

  test("leaves alone what a running job has in hand, and takes over what a dead one left", async () => {
    const world = createFakeWorld();
    await world.ranges.write([
      runningRange({}),
      runningRange({ fromBlock: 200, toBlock: 299, workflowId: "dead" }),
    ]);
    world.openWorkflows.add("backfill/net/0-99");

    const gaps = await call(world, (activities) =>
      activities.findGaps({ network: "net", processors, limit: 100 }),
    );

    expect(gaps.missing).toEqual([{ fromBlock: 200, toBlock: 299 }]);
    const states = (await world.ranges.read("net")).map(({ workflowId, state }) => [
      workflowId,
      state,
    ]);
    expect(states).toEqual([
      ["backfill/net/0-99", "running"],
      ["dead", "abandoned"],
    ]);
  });

  test("leaves alone a job that starts while it looks", async () => {
    const world = createFakeWorld();
    const read = world.ranges.read.bind(world.ranges);
    world.ranges.read = async (network) => {
      const before = await read(network);
      await world.ranges.write([runningRange({})]);
      return before;
    };

    const gaps = await call(world, (activities) =>
      activities.findGaps({ network: "net", processors, limit: 100 }),
    );

    expect(gaps).toMatchObject({ missing: [], counts: { missing: 0 } });
  });

  test("tells what is due, what waits, and what is missing below follow's cursor", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    await call(world, (activities) => activities.indexBlocks(indexInput(0, 3)));
    await call(world, (activities) => activities.indexBlocks(indexInput(6, 9)));
    await world.ranges.write([
      runningRange({ toBlock: null, origin: "follow", workflowId: "follow/net" }),
    ]);
    world.openWorkflows.add("follow/net");
    await world.ledger.write([failedRow(4, { nextAttemptAt: "2020-01-01T00:00:00.000Z" })]);

    const gaps = await call(world, (activities) =>
      activities.findGaps({ network: "net", processors, limit: 100 }),
    );

    expect(gaps).toMatchObject({ due: [4], missing: [{ fromBlock: 5, toBlock: 5 }] });
  });
});

describe("findGaps counts again", () => {
  test("and has a block traced again whose rows are not those that it was booked with", async () => {
    const world = createFakeWorld();
    world.node.mine(3, { steps: 5 });
    await call(world, (activities) => activities.indexBlocks(indexInput(0, 2)));
    const lost = world.ledger.winner(1, "structlog");
    world.rows.countRows = async () => new Map([[lost?.attemptId ?? "", 3]]);
    let meteredMissing = -1;
    world.dependencies.meters.gaps = (_network, gaps) => {
      meteredMissing = gaps.length;
    };
    world.dependencies.recounts.recountNext = async () => [
      // The store says so of block 1, and of one that was never complete.
      { processor: "structlog", blocks: [1, 7] },
    ];

    const gaps = await call(world, (activities) =>
      activities.findGaps({ network: "net", processors, limit: 100 }),
    );

    expect(gaps).toMatchObject({ due: [1], counts: { failed: 1 } });
    expect(gaps).not.toHaveProperty("byProcessor");
    expect(meteredMissing).toBe(0);
    expect(world.ledger.winner(1, "structlog")).toMatchObject({
      status: "failed",
      errorKind: "row_count_mismatch",
      errorMessage: "execution_structlog: 3 rows stored, 5 expected",
      attempts: 0,
    });
  });

  test("and finds gaps also where counting fails", async () => {
    const world = createFakeWorld();
    await world.ranges.write([runningRange({ workflowId: "dead" })]);
    world.dependencies.recounts.recountNext = async () => {
      throw new Error("too slow");
    };

    const gaps = await call(world, (activities) =>
      activities.findGaps({ network: "net", processors, limit: 100 }),
    );

    expect(gaps.counts.missing).toBe(100);
  });

  test("and believes no count that the next one does not confirm", async () => {
    const world = createFakeWorld();
    world.node.mine(3, { steps: 5 });
    await call(world, (activities) => activities.indexBlocks(indexInput(0, 2)));
    world.dependencies.recounts.recountNext = async () => [{ processor: "structlog", blocks: [1] }];

    const gaps = await call(world, (activities) =>
      activities.findGaps({ network: "net", processors, limit: 100 }),
    );

    expect(gaps.counts.failed).toBe(0);
    expect(world.ledger.winner(1, "structlog")?.status).toBe("complete");
  });
});

describe("registerRange", () => {
  test("keeps what an earlier follow of the network noted", async () => {
    const world = createFakeWorld();
    const follow = {
      origin: "follow",
      workflowId: "follow/net",
      processors,
      network: "net",
    } as const;
    const note = (fromBlock: number, toBlock: number | null, state: "running" | "done") =>
      call(world, (activities) =>
        activities.registerRange({ ...follow, fromBlock, toBlock, state }),
      );
    await note(10, null, "running");
    await note(10, 19, "done");
    await note(20, null, "running");
    await note(20, 29, "done");
    await note(50, null, "running");

    const noted = (await world.ranges.read("net")).filter(
      ({ processor }) => processor === "structlog",
    );
    expect(noted.map(({ fromBlock, toBlock, state }) => [fromBlock, toBlock, state])).toEqual([
      [50, null, "running"],
      [10, 29, "done"],
    ]);
  });

  test("notes one range a processor, and its end in the same place", async () => {
    const world = createFakeWorld();
    const range = {
      network: "net",
      processors,
      fromBlock: 5,
      toBlock: 9,
      origin: "backfill",
      workflowId: "w",
    } as const;
    await call(world, (activities) => activities.registerRange({ ...range, state: "running" }));
    await call(world, (activities) => activities.registerRange({ ...range, state: "done" }));

    const stored = await world.ranges.read("net");
    expect(stored.map(({ processor, state }) => [processor, state])).toEqual([
      ["structlog", "done"],
      ["transaction", "done"],
    ]);
  });
});

describe("findFollowStart", () => {
  test("goes on after the highest complete block, else starts at the head", async () => {
    const world = createFakeWorld();
    world.node.mine(10);
    const input = { network: "net", processors, headPolicy: null };
    expect(await call(world, (activities) => activities.findFollowStart(input))).toEqual({
      nextBlock: 9,
    });

    await call(world, (activities) => activities.indexBlocks(indexInput(0, 4)));
    expect(await call(world, (activities) => activities.findFollowStart(input))).toEqual({
      nextBlock: 5,
    });
  });
});

describe("releaseBlocks", () => {
  test("makes quarantined blocks due now, once, and leaves others alone", async () => {
    const world = createFakeWorld();
    const quarantined = { status: "quarantined", generation: 2, attempts: 12 } as const;
    await world.ledger.write([failedRow(4, quarantined), failedRow(5), failedRow(6, quarantined)]);
    const input = { network: "net", processors, blocks: ["4-5"], actor: "me" };

    expect(await call(world, (activities) => activities.releaseBlocks(input))).toEqual({
      released: 1,
    });
    expect(await call(world, (activities) => activities.releaseBlocks(input))).toEqual({
      released: 0,
    });

    expect(world.ledger.winner(4)).toMatchObject({
      status: "failed",
      generation: 3,
      attempts: 0,
      actor: "me",
    });
    expect(world.ledger.winner(4)?.nextAttemptAt).not.toBeNull();
    expect(world.ledger.winner(5)).toMatchObject({ status: "failed", attempts: 3 });
    expect(world.ledger.winner(6)?.status).toBe("quarantined");
  });

  test("frees all blocks of a kind", async () => {
    const world = createFakeWorld();
    await world.ledger.write([
      failedRow(4, { status: "quarantined", errorKind: "trace_refused" }),
      failedRow(5, { status: "quarantined" }),
    ]);
    const input = { network: "net", processors, kind: "trace_refused" };
    expect(await call(world, (activities) => activities.releaseBlocks(input))).toEqual({
      released: 1,
    });
    expect(world.ledger.winner(5)?.status).toBe("quarantined");
  });

  test("of a kind reaches its blocks below any number that wait for a processor nobody uses", async () => {
    const world = createFakeWorld();
    const quarantined = { status: "quarantined", errorKind: "trace_refused" } as const;
    await world.ledger.write([
      failedRow(4, quarantined),
      ...Array.from({ length: 1000 }, (_, index) =>
        failedRow(100 + index, { ...quarantined, processor: "structlog_agg" }),
      ),
    ]);
    const input = { network: "net", processors, kind: "trace_refused" };

    expect(await call(world, (activities) => activities.releaseBlocks(input))).toEqual({
      released: 1,
    });

    expect(world.ledger.winner(4)?.status).toBe("failed");
    expect(world.ledger.winner(100, "structlog_agg")?.status).toBe("quarantined");
  });

  test("of a kind frees no processor that is in quarantine for another one", async () => {
    const world = createFakeWorld();
    await world.ledger.write([
      failedRow(4, { status: "quarantined", errorKind: "trace_refused" }),
      failedRow(4, {
        processor: "transaction",
        status: "quarantined",
        errorKind: "proof_mismatch",
      }),
    ]);
    const input = { network: "net", processors, kind: "trace_refused" };

    await call(world, (activities) => activities.releaseBlocks(input));

    expect(world.ledger.winner(4, "structlog")?.status).toBe("failed");
    expect(world.ledger.winner(4, "transaction")?.status).toBe("quarantined");
  });
});

function indexInput(fromBlock: number, toBlock: number) {
  return {
    v: 1,
    network: "net",
    processors,
    fromBlock,
    toBlock,
    maximumBlocks: null,
    headPolicy: null,
    force: false,
    reason: "a test",
    actor: "vitest",
  } as const;
}
