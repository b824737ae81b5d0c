import { expect, test } from "vitest";
import { LedgerView } from "../../src/activities/index-blocks/ledger-view.ts";
import { StorageUnavailableError } from "../../src/errors.ts";
import type {
  IndexBlocksHeartbeat,
  IndexBlocksInput,
} from "../../src/workflows/index-activities.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, type FakeWorld, fakeEngine } from "../support/fakes.ts";

function index(
  { dependencies }: FakeWorld,
  input: Partial<IndexBlocksInput>,
  heartbeatDetails?: IndexBlocksHeartbeat,
) {
  return startIndexBlocks({ dependencies, engine: fakeEngine, input, heartbeatDetails }).result;
}

function worldOf(blocks: number): FakeWorld {
  const world = createFakeWorld();
  world.node.mine(blocks);
  return world;
}

function isOnChainTo(world: FakeWorld, toBlock: number): boolean {
  return world.node.chain.slice(0, toBlock + 1).every(({ ref, steps }) => {
    const row = world.ledger.winner(ref.number);
    const isShown = row?.status === "complete" && row.blockHash === ref.hash;
    return isShown && world.shown(ref.number) === steps;
  });
}

/** Until the first chunk has read the ledger: then the chunk below is stored, and the chain moves. */
function reorgUnderChunk(world: FakeWorld): void {
  const read = world.ledger.read.bind(world.ledger);
  world.ledger.read = async (query) => {
    const rows = await read(query);
    world.ledger.read = read;
    await index(world, { fromBlock: 0, toBlock: 4 });
    world.node.reorg(8, 9, { steps: 4 });
    return rows;
  };
}

test("a reorg under a chunk that looked at its lower border before is found when the chunk is written", async () => {
  const world = worldOf(10);
  reorgUnderChunk(world);

  await index(world, { fromBlock: 5, toBlock: 9 });

  expect(isOnChainTo(world, 9)).toBe(true);
});

test("an attempt that finds all blocks of its chunk written still looks at the borders", async () => {
  const world = worldOf(10);
  reorgUnderChunk(world);
  const { dependencies } = world;
  const input = { fromBlock: 5, toBlock: 9 };
  const readBlocks = world.ledger.readBlocks.bind(world.ledger);
  world.ledger.readBlocks = async (network, processors, numbers) => {
    if (numbers.includes(10)) throw new StorageUnavailableError({ reason: "ECONNREFUSED" });
    return readBlocks(network, processors, numbers);
  };
  const first = startIndexBlocks({ dependencies, engine: fakeEngine, input });
  await expect(first.result).rejects.toThrow(StorageUnavailableError);
  world.ledger.readBlocks = readBlocks;
  expect(first.heartbeats.at(-1)).toMatchObject({ nextBlock: 10 });

  const result = await index(world, input, first.heartbeats.at(-1));

  expect(result.nextBlock).toBe(10);
  expect(isOnChainTo(world, 9)).toBe(true);
});

test("a block of a new branch that kills workers is booked there, and the rest goes on", async () => {
  const world = worldOf(10);
  await index(world, { toBlock: 9 });
  world.node.reorg(3, 4, { steps: 4 });
  world.node.traced.length = 0;

  const result = await index(
    world,
    { fromBlock: 10, toBlock: 10 },
    {
      v: 1,
      nextBlock: 10,
      done: {
        head: null,
        blocks: 0,
        skipped: 0,
        transactions: 0,
        rows: 0,
        failedCount: 0,
        failed: [],
        gasUsed: 0,
        seconds: 1,
        reorgs: [],
      },
      inHand: { blockNumber: 8, lostAttempts: 1 },
      waitingFor: null,
    },
  );

  expect(result).toMatchObject({ nextBlock: 11, reorgs: [{ depth: 3, ancestor: 6 }] });
  expect(world.node.traced).toEqual([7, 9, 10]);
  expect(world.ledger.winner(8)).toMatchObject({
    status: "failed",
    errorKind: "worker_lost",
    blockHash: world.node.at(8).ref.hash,
  });
  expect(world.ledger.winner(9)).toMatchObject({ blockHash: world.node.at(9).ref.hash });
});

test("what stands below the blocks at hand is known also where the chain shrank below all that was read", async () => {
  const world = worldOf(10);
  const { signal } = new AbortController();
  const view = new LedgerView(world.ledger, "net", signal);
  await view.load(9, null);
  await index(world, { fromBlock: 0, toBlock: 5 });

  await view.load(5, null);

  expect(view.completeRefs(4)).toMatchObject([{ number: 4 }, { number: 4 }]);
});

test("a block in quarantine is tried anew when a reorg puts another one in its place", async () => {
  const world = createFakeWorld({
    retryPolicy: { initialDelayMs: 1, maximumDelayMs: 1, maximumAttempts: 1 },
  });
  world.node.mine(10).traceFaults.set(8, "cut");
  await index(world, { fromBlock: 0, toBlock: 9 });
  expect(world.ledger.winner(8)).toMatchObject({ status: "quarantined" });
  world.node.traceFaults.clear();
  world.node.reorg(3, 4, { steps: 4 });

  await index(world, { fromBlock: 10, toBlock: 10 });

  expect(isOnChainTo(world, 10)).toBe(true);
});

test("a block that fails is due for all processors at once: the first one due would have all of them traced", async () => {
  const world = worldOf(2);
  world.node.traceFaults.set(1, "cut");
  const history = world.ledger.history.bind(world.ledger);
  let questions = 0;
  world.ledger.history = (network, blockNumber) => {
    questions += 1;
    return history(network, blockNumber);
  };

  for (const attempts of [1, 2]) {
    await index(world, { toBlock: 1 });

    const rows = (["structlog", "transaction"] as const).map((one) => world.ledger.winner(1, one));
    expect(rows[0]).toMatchObject({ attempts, nextAttemptAt: rows[1]?.nextAttemptAt });
    expect(questions).toBe(attempts - 1);
  }
});
