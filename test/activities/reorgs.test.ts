import { MockActivityEnvironment } from "@temporalio/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createActivities } from "../../src/activities/index.ts";
import type { Network } from "../../src/activities/ports.ts";
import type { BlockRef } from "../../src/domain/chain.ts";
import { dataTables } from "../../src/domain/processor.ts";
import type {
  FindGapsInput,
  FindGapsResult,
  IndexBlocksInput,
  IndexBlocksResult,
} from "../../src/workflows/index-activities.ts";
import { type IndexAttempt, startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, type FakeWorld, fakeEngine } from "../support/fakes.ts";

function start({ dependencies }: FakeWorld, input: Partial<IndexBlocksInput>): IndexAttempt {
  return startIndexBlocks({ dependencies, engine: fakeEngine, input });
}

function index(world: FakeWorld, input: Partial<IndexBlocksInput>): Promise<IndexBlocksResult> {
  return start(world, input).result;
}

/** Follows until every block of the chain is complete, then stops. */
async function followToHead(world: FakeWorld, input: Partial<IndexBlocksInput> = {}) {
  const head = world.node.chain.length - 1;
  const attempt = start(world, { fromBlock: head + 1, toBlock: null, ...input });
  await expect.poll(() => isOnChain(world)).toBe(true);
  attempt.cancel();
  return attempt.result;
}

function isOnChain(world: FakeWorld): boolean {
  return world.node.chain.every(({ ref, steps }) => {
    const row = world.ledger.winner(ref.number);
    const isShown = row?.status === "complete" && row.blockHash === ref.hash;
    return isShown && world.shown(ref.number) === steps;
  });
}

function worldOf(blocks: number, network: Partial<Network> = {}): FakeWorld {
  const world = createFakeWorld(network);
  world.node.mine(blocks);
  return world;
}

/** A world whose ledger followed a reorg of three blocks, and whose chain is then the old one again, grown by two. */
async function createReturned() {
  const world = worldOf(10);
  await index(world, { toBlock: 9 });
  const old = [...world.node.chain];
  const attempts = [7, 8, 9].map((number) => world.ledger.winner(number)?.attemptId);
  world.node.reorg(3, 4, { steps: 4 });
  await index(world, { fromBlock: 10, toBlock: 10 });
  world.node.chain = old;
  world.node.reorg(0, 3);
  world.node.traced.length = 0;
  return { world, attempts };
}

describe("a branch that comes back", () => {
  test("is named again in one ledger insert, without a new trace", async () => {
    const { world, attempts } = await createReturned();
    const before = world.ledger.versions.length;

    const result = await index(world, { fromBlock: 11, toBlock: 11 });

    expect(result.reorgs).toEqual([{ depth: 4, ancestor: 6 }]);
    expect(world.node.traced.filter((number) => number < 10)).toEqual([]);
    for (const [i, number] of [7, 8, 9].entries()) {
      for (const processor of ["structlog", "transaction"] as const) {
        expect(world.ledger.winner(number, processor)).toMatchObject({
          status: "complete",
          blockHash: world.node.at(number).ref.hash,
          attemptId: attempts[i],
          generation: 4,
          reason: "reorg of depth 4 above block 6",
        });
      }
      expect(world.shown(number)).toBe(10);
    }
    const mended = world.ledger.versions.slice(before).filter(({ reason }) => reason !== "a test");
    expect(new Set(mended.map(({ updatedAt }) => updatedAt)).size).toBe(1);
    expect(mended.map(({ blockNumber }) => blockNumber)).toContain(10);
  });

  test("is traced again where its rows do not stand whole any more", async () => {
    const { world, attempts } = await createReturned();
    world.rows.stored.get(dataTables.structlog)?.delete(attempts[1] ?? "");

    await index(world, { fromBlock: 11, toBlock: 11 });

    expect(world.node.traced.filter((number) => number < 10)).toEqual([8]);
    expect(world.ledger.winner(8)?.attemptId).not.toBe(attempts[1]);
    expect(isOnChainTo(world, 11)).toBe(true);
  });

  test("block by block is named again block by block, and traced where it goes on otherwise", async () => {
    const world = worldOf(10);
    await index(world, { toBlock: 9 });
    const old = [...world.node.chain];
    const attempts = [7, 8, 9].map((number) => world.ledger.winner(number)?.attemptId);
    world.node.reorg(5, 2);
    await followToHead(world);
    world.node.chain = old.slice(0, 6);
    await followToHead(world);
    world.node.traced.length = 0;

    const attempt = start(world, { fromBlock: 6, toBlock: null });
    for (const number of [6, 7, 8]) {
      world.node.chain = old.slice(0, number + 1);
      await expect.poll(() => isOnChain(world)).toBe(true);
    }
    expect(world.node.traced).toEqual([]);
    expect([7, 8].map((number) => world.ledger.winner(number)?.attemptId)).toEqual(
      attempts.slice(0, 2),
    );
    expect(world.ledger.winner(8)).toMatchObject({ reason: "its branch came back" });
    world.node.reorg(0, 1, { steps: 4 });
    await expect.poll(() => isOnChain(world)).toBe(true);
    attempt.cancel();

    expect(await attempt.result).toMatchObject({ nextBlock: 10, failedCount: 0 });
    expect(world.node.traced).toEqual([9]);
    expect(world.ledger.winner(9)?.attemptId).not.toBe(attempts[2]);
  });

  test("brings the blocks back that a shorter branch did not reach", async () => {
    const world = worldOf(10);
    await index(world, { toBlock: 9 });
    const old = [...world.node.chain];
    world.node.reorg(5, 2);
    const shrunk = await followToHead(world);
    expect(shrunk.nextBlock).toBe(7);
    expect([7, 8, 9].map((number) => world.ledger.winner(number)?.status)).toEqual(
      Array(3).fill("retracted"),
    );
    world.node.chain = old;
    world.node.reorg(0, 1);
    world.node.traced.length = 0;

    const attempt = start(world, { fromBlock: 7, toBlock: null });
    await expect.poll(() => isOnChain(world)).toBe(true);
    attempt.cancel();

    expect(await attempt.result).toMatchObject({ nextBlock: 11, failedCount: 0 });
    expect(world.node.traced).toEqual([10]);
  });
});

describe("a reorg", () => {
  test("is mended for every processor that stands there, also by a job that has one of them", async () => {
    const world = worldOf(10);
    await index(world, { toBlock: 9 });
    world.node.reorg(3, 4, { steps: 4 });

    await index(world, { fromBlock: 9, toBlock: 9, processors: ["structlog"], force: true });

    for (const number of [7, 8, 9]) {
      expect(world.ledger.winner(number, "transaction")).toMatchObject({
        status: "complete",
        blockHash: world.node.at(number).ref.hash,
      });
      expect(world.shown(number, "transaction")).toBe(1);
    }
  });

  test("that reaches deeper while another is mended is followed as a whole", async () => {
    const world = worldOf(20);
    await index(world, { toBlock: 19 });
    world.node.reorg(2, 3, { steps: 4 });
    world.node.beforeChunk = () => {
      world.node.beforeChunk = () => {};
      world.node.reorg(9, 11, { steps: 5 });
    };
    const before = world.ledger.versions.length;

    await index(world, { fromBlock: 20, toBlock: 20 });

    expect(isOnChainTo(world, 20)).toBe(true);
    const written = world.ledger.versions.slice(before);
    const hashes = new Set(world.node.chain.map(({ ref }) => ref.hash));
    expect(written.filter(({ blockHash }) => !hashes.has(blockHash))).toEqual([]);
  });

  test("right after another was written is followed before the mending ends", async () => {
    const world = worldOf(20);
    await index(world, { toBlock: 19 });
    world.node.reorg(2, 3, { steps: 4 });
    world.ledger.beforeWrite = () => {
      world.ledger.beforeWrite = () => {};
      world.node.reorg(5, 6, { steps: 5 });
    };

    const { reorgs } = await index(world, { fromBlock: 20, toBlock: 20 });

    expect(reorgs).toEqual([
      { depth: 2, ancestor: 17 },
      { depth: 4, ancestor: 15 },
    ]);
    expect(isOnChainTo(world, 20)).toBe(true);
  });

  test("that two jobs notice at once is written by one of them", async () => {
    const world = worldOf(20);
    await index(world, { toBlock: 19 });
    world.node.reorg(4, 8, { steps: 4 });

    const results = await Promise.all([
      index(world, { fromBlock: 20, toBlock: 21 }),
      index(world, { fromBlock: 19, toBlock: 19, force: true }),
    ]);

    expect(isOnChainTo(world, 21)).toBe(true);
    expect(results.flatMap(({ reorgs }) => reorgs).length).toBeGreaterThan(0);
    const told = world.ledger.versions.filter(
      ({ blockNumber, processor, generation }) =>
        blockNumber === 16 && processor === "structlog" && generation > 0,
    );
    expect(told).toHaveLength(1);
    const generations = [16, 17, 18].map((number) => world.ledger.winner(number)?.generation);
    expect(generations).toEqual([2, 2, 2]);
  });

  test("that another job mended meanwhile does not hold up this one", async () => {
    const world = worldOf(20);
    await index(world, { toBlock: 15 });
    // This run read the ledger before the other one mended it.
    world.node.beforeChunk = async (number) => {
      if (number !== 17) return;
      world.node.beforeChunk = () => {};
      world.node.reorg(6, 8, { steps: 4 });
      await index(world, { fromBlock: 16, toBlock: 16 });
    };

    const result = await index(world, { fromBlock: 16, toBlock: 20 });

    expect(result).toMatchObject({ nextBlock: 21, failedCount: 0 });
    expect(isOnChainTo(world, 20)).toBe(true);
  });

  test("between the writing of two chunks is found at their border, in either order", async () => {
    for (const [first, second] of [
      [
        [0, 4],
        [5, 9],
      ],
      [
        [5, 9],
        [0, 4],
      ],
    ] as const) {
      const world = worldOf(10);
      await index(world, { fromBlock: first[0], toBlock: first[1] });
      world.node.reorg(8, 9, { steps: 4 });

      await index(world, { fromBlock: second[0], toBlock: second[1] });

      expect(isOnChainTo(world, 9), `${first.join("-")} before ${second.join("-")}`).toBe(true);
    }
  });

  test("between the last look of a chunk and its write is found at the border of the chunk above", async () => {
    const world = worldOf(10);
    let isFirst = true;
    world.ledger.beforeWrite = async () => {
      if (!isFirst) return;
      isFirst = false;
      world.node.reorg(8, 9, { steps: 4 });
      await index(world, { fromBlock: 5, toBlock: 9 });
    };

    await index(world, { fromBlock: 0, toBlock: 4 });

    expect(isOnChainTo(world, 9)).toBe(true);
  });

  test("of more blocks than one statement can name is followed, and back again", async () => {
    const world = worldOf(1200);
    await index(world, { toBlock: 1199 });
    const old = [...world.node.chain];
    world.node.reorg(1100, 1101, { steps: 4 });
    await index(world, { fromBlock: 1200, toBlock: 1200 });
    world.node.chain = old;
    world.node.reorg(0, 2);
    world.node.traced.length = 0;

    const { reorgs } = await index(world, { fromBlock: 1201, toBlock: 1201 });

    expect(reorgs).toEqual([{ depth: 1101, ancestor: 99 }]);
    expect(world.node.traced.filter((number) => number < 1200)).toEqual([]);
    expect(isOnChainTo(world, 1201)).toBe(true);
  });

  test("while no worker ran is found by comparing what is stored, holes and all", async () => {
    const world = worldOf(400);
    await index(world, { toBlock: 150 });
    await index(world, { fromBlock: 200, toBlock: 399 });
    world.node.reorg(300, 420, { steps: 4 });

    // Follow starts far above all that is stored: no parent hash leads there.
    const attempt = start(world, { fromBlock: 510, toBlock: null });
    await expect.poll(() => isOnChainFor(world, [100, 150, 200, 399])).toBe(true);
    attempt.cancel();

    expect(await attempt.result).toMatchObject({ reorgs: [{ depth: 300, ancestor: 99 }] });
  });
});

function isOnChainTo(world: FakeWorld, toBlock: number): boolean {
  return isOnChainFor(
    world,
    Array.from({ length: toBlock + 1 }, (_, number) => number),
  );
}

function isOnChainFor(world: FakeWorld, numbers: readonly number[]): boolean {
  return numbers.every((number) => {
    const { ref, steps } = world.node.at(number);
    const row = world.ledger.winner(number);
    return (
      row?.status === "complete" && row.blockHash === ref.hash && world.shown(number) === steps
    );
  });
}

describe("finality", () => {
  test("that passed another block than the stored one mends it like a reorg", async () => {
    const world = worldOf(30);
    await index(world, { toBlock: 29 });
    // A row of a branch that the chain has left, written by somebody who came late.
    world.node.reorg(10, 30, { steps: 4 });
    world.node.finalized = 25;

    const result = await followToHead(world, { fromBlock: 30 });

    expect(result.reorgs).toEqual([{ depth: 10, ancestor: 19 }]);
    expect(isOnChain(world)).toBe(true);
    expect(world.networks.swept.get("net")).toBe(25);
  });

  test("finds one late row in the middle of a chain that fits around it", async () => {
    const world = worldOf(30);
    await index(world, { toBlock: 29 });
    const late = world.ledger.winner(12);
    if (!late) throw new Error("block 12 was indexed");
    await world.ledger.write([{ ...late, blockHash: `0x${"e".repeat(64)}`, generation: 1 }]);
    world.node.finalized = 20;

    const result = await followToHead(world, { fromBlock: 30 });

    expect(result.reorgs).toEqual([{ depth: 1, ancestor: 11 }]);
    expect(world.ledger.winner(12)?.blockHash).toBe(world.node.at(12).ref.hash);
  });

  test("is swept in bounded batches, each going on where the last one stood, over restarts", async () => {
    const world = worldOf(1300);
    await index(world, { toBlock: 1299 });
    world.node.finalized = 1200;

    await index(world, { fromBlock: 0, toBlock: 0 });
    expect(world.networks.swept.get("net")).toBe(498);
    await index(world, { fromBlock: 0, toBlock: 0 });
    expect(world.networks.swept.get("net")).toBe(997);
    await index(world, { fromBlock: 0, toBlock: 0 });
    expect(world.networks.swept.get("net")).toBe(1200);
  });

  test("is swept by gap-fill too, which hands on what it finds and waits for no node", async () => {
    const world = worldOf(30);
    await index(world, { toBlock: 29 });
    world.node.reorg(10, 30, { steps: 4 });
    world.node.finalized = 25;
    const activities = createActivities(world.dependencies, fakeEngine);
    const input: FindGapsInput = {
      network: "net",
      processors: ["structlog", "transaction"],
      limit: 10,
    };
    const scan = (): Promise<FindGapsResult> =>
      new MockActivityEnvironment().run(
        (scope: FindGapsInput) => activities.findGaps(scope),
        input,
      );

    const { unchained } = await scan();
    expect(unchained).toEqual([20]);
    expect(world.networks.swept.get("net")).toBe(19);
    await index(world, { fromBlock: 20, toBlock: 20, force: true });
    expect(isOnChainTo(world, 29)).toBe(true);
    expect((await scan()).unchained).toEqual([]);
    expect(world.networks.swept.get("net")).toBe(25);
    world.node.isDown = true;
    expect((await scan()).unchained).toEqual([]);
  });

  test("does not move over a block that the node does not answer", async () => {
    const world = worldOf(30);
    await index(world, { toBlock: 29 });
    world.node.finalized = 20;
    const whole = world.node.blockRefs.bind(world.node);
    world.node.blockRefs = async (numbers) =>
      (await whole(numbers)).filter(({ number }) => number !== 15);

    const { reorgs } = await index(world, { fromBlock: 0, toBlock: 0 });

    expect(reorgs).toEqual([]);
    expect(world.networks.swept.get("net")).toBe(14);
  });

  test("never sinks, is nothing where the node has none, and is not believed above the head", async () => {
    const world = worldOf(30);
    await index(world, { toBlock: 9 });
    expect(world.networks.finalized.get("net")).toBeUndefined();
    world.node.finalized = 8;
    await index(world, { toBlock: 10 });
    world.node.finalized = 4;
    await index(world, { toBlock: 11 });
    expect(world.networks.finalized.get("net")).toBe(8);
    world.node.headOverride = 12;
    world.node.finalized = 20;
    await index(world, { toBlock: 12 });
    expect(world.networks.finalized.get("net")).toBe(8);
  });

  test("of a chain without it is counted from the head", async () => {
    const world = worldOf(30, { finalityDepth: 10 });
    await index(world, { toBlock: 29 });
    await index(world, { toBlock: 29 });
    expect(world.networks.swept.get("net")).toBe(19);
    world.node.reorg(10, 12, { steps: 4 });
    await index(world, { fromBlock: 30, toBlock: 30 });
    expect(isOnChainTo(world, 30)).toBe(true);
    world.node.reorg(20, 30, { steps: 5 });
    await expect(index(world, { fromBlock: 32, toBlock: 32 })).rejects.toMatchObject({
      name: "ReorgBeyondFinalityError",
    });
  });
});

/** Blocks up to 20 are known to be final; the node has another branch from block 11 on. */
async function createContradicted() {
  const world = worldOf(30);
  await index(world, { toBlock: 29 });
  world.networks.swept.set("net", 20);
  world.networks.finalized.set("net", 20);
  world.node.reorg(19, 30, { steps: 4 });
  return world;
}

describe("a reorg beneath finality", () => {
  test("stops follow and a chunk of backfill, says where it begins, and changes nothing", async () => {
    const world = await createContradicted();
    const before = world.ledger.versions.length;
    for (const range of [
      { fromBlock: 30, toBlock: null },
      { fromBlock: 30, toBlock: 35 },
    ]) {
      await expect(index(world, range)).rejects.toMatchObject({
        name: "ReorgBeyondFinalityError",
        facts: expect.arrayContaining([
          expect.stringContaining("block 11"),
          expect.stringContaining(world.node.at(11).ref.hash),
        ]),
      });
    }
    expect(world.ledger.versions).toHaveLength(before);
  });

  test("is followed on a person's word, who names the block and the hash", async () => {
    const world = await createContradicted();
    const acceptedReorg = { fromBlock: 11, blockHash: world.node.at(11).ref.hash };

    const result = await followToHead(world, { fromBlock: 30, acceptedReorg });

    expect(result.reorgs).toEqual([{ depth: 19, ancestor: 10 }]);
    expect(isOnChain(world)).toBe(true);
  });

  test("is not followed on a word about another branch, or about too little of this one", async () => {
    const world = await createContradicted();
    for (const acceptedReorg of [
      { fromBlock: 11, blockHash: `0x${"a".repeat(64)}` as const },
      { fromBlock: 15, blockHash: world.node.at(15).ref.hash },
    ]) {
      const following = index(world, { fromBlock: 30, toBlock: null, acceptedReorg });
      await expect(following).rejects.toMatchObject({ name: "ReorgBeyondFinalityError" });
    }
  });
});

type Step =
  | { readonly kind: "mine"; readonly count: number }
  | { readonly kind: "reorg"; readonly depth: number; readonly count: number }
  | { readonly kind: "return" }
  | { readonly kind: "follow" }
  | {
      readonly kind: "chunk";
      readonly from: number;
      readonly length: number;
      readonly force: boolean;
    };

describe("any order of mining, reorgs and jobs", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("mine" as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        kind: fc.constant("reorg" as const),
        depth: fc.integer({ min: 1, max: 6 }),
        count: fc.integer({ min: 1, max: 7 }),
      }),
      fc.constant({ kind: "return" as const }),
      fc.constant({ kind: "follow" as const }),
      fc.record({
        kind: fc.constant("chunk" as const),
        from: fc.nat(20),
        length: fc.nat(8),
        force: fc.boolean(),
      }),
    ),
    { minLength: 2, maxLength: 10 },
  );

  test("shows one branch at every moment, and the node's in the end", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.infiniteStream(fc.nat(5)), async (plan, dice) => {
        const world = worldOf(8);
        await index(world, { toBlock: 7 });
        const watched = watchBranches(world);
        // The chain moves in the middle of the work too.
        world.node.beforeRefs = () => {
          if (dice.next().value !== 0) return;
          const depth = Math.min(1 + dice.next().value, world.node.chain.length - 1);
          world.node.reorg(depth, 3);
        };
        for (const step of plan) await take(world, step, watched.history);
        world.node.beforeRefs = () => {};
        world.node.mine(1);
        await followAll(world);
        expect(watched.mixes).toEqual([]);
        expect(isOnChain(world)).toBe(true);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });
});

type Chain = FakeWorld["node"]["chain"];

async function take(world: FakeWorld, step: Step, history: readonly Chain[]): Promise<void> {
  const { node } = world;
  if (step.kind === "mine") node.mine(step.count);
  if (step.kind === "reorg") {
    const depth = Math.min(step.depth, node.chain.length - 1);
    node.reorg(depth, step.count, { steps: 1 + step.count });
  }
  if (step.kind === "return") {
    const earlier = history.at(-2);
    if (earlier) node.chain = [...earlier];
    node.reorg(0, 1);
  }
  if (step.kind === "follow") await followAll(world);
  if (step.kind === "chunk") {
    const toBlock = Math.min(step.from + step.length, node.chain.length - 1);
    if (step.from <= toBlock) {
      await index(world, { fromBlock: step.from, toBlock, force: step.force });
    }
  }
}

/** What follow and gap-fill do in the end, without their waiting: from the lowest block that is not complete. */
async function followAll(world: FakeWorld): Promise<void> {
  const { node, ledger } = world;
  const first = node.chain.find(({ ref }) => ledger.winner(ref.number)?.status !== "complete");
  const fromBlock = first?.ref.number ?? node.chain.length;
  const attempt = start(world, { fromBlock, toBlock: null, maximumBlocks: 1000 });
  await expect.poll(() => isOnChain(world), { interval: 5 }).toBe(true);
  attempt.cancel();
  await attempt.result;
}

/**
 * Notes every chain that the node ever had, and blocks that follow each other in the ledger but stand on no single one
 * of them. What lies above a block that was never indexed is compared when that one is: nothing tells before.
 */
function watchBranches(world: FakeWorld) {
  const history: Chain[] = [[...world.node.chain]];
  const mixes: string[] = [];
  const remember = () => {
    const chain = [...world.node.chain];
    if (chain.at(-1)?.ref.hash !== history.at(-1)?.at(-1)?.ref.hash) history.push(chain);
  };
  const mine = world.node.mine.bind(world.node);
  world.node.mine = (...args) => {
    const node = mine(...args);
    remember();
    return node;
  };
  const write = world.ledger.write.bind(world.ledger);
  world.ledger.write = async (rows) => {
    await write(rows);
    remember();
    const shown = await world.ledger.hashesAbove("net", -1, Number.POSITIVE_INFINITY);
    for (const run of runsOf(shown)) {
      const isOne = history.some((chain) =>
        run.every(({ number, hash }) => chain[number]?.ref.hash === hash),
      );
      if (!isOne)
        mixes.push(run.map(({ number, hash }) => `${number}:${hash.slice(8, 10)}`).join());
    }
  };
  return { history, mixes };
}

/** Blocks that follow each other without a hole, newest first as they come. */
function runsOf(shown: readonly BlockRef[]): BlockRef[][] {
  const runs: BlockRef[][] = [];
  for (const ref of shown) {
    const run = runs.at(-1);
    const isNext = run !== undefined && (run.at(-1)?.number ?? 0) - ref.number <= 1;
    if (isNext) run.push(ref);
    else runs.push([ref]);
  }
  return runs;
}
