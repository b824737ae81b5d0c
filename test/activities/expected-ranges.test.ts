import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { describe, expect, test } from "vitest";
import { createActivities } from "../../src/activities/index.ts";
import type { IndexActivities, RegisterRangeInput } from "../../src/workflows/index-activities.ts";
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

type Note = Pick<RegisterRangeInput, "fromBlock" | "toBlock" | "state">;

const backfill = {
  network: "net",
  processors: ["structlog"],
  origin: "backfill",
  workflowId: "backfill/net/0-99",
} as const;
const follow = { ...backfill, origin: "follow", workflowId: "follow/net" } as const;

function note(world: FakeWorld, job: typeof backfill | typeof follow, ...notes: Note[]) {
  return call(world, async (activities) => {
    for (const range of notes) await activities.registerRange({ ...job, ...range });
  });
}

/** Whether a range of the network holds a block. */
async function isExpected(world: FakeWorld, blockNumber: number): Promise<boolean> {
  const ranges = await world.ranges.read("net");
  return ranges.some(
    ({ fromBlock, toBlock }) => fromBlock <= blockNumber && blockNumber <= (toBlock ?? fromBlock),
  );
}

describe("blocks that a job has indexed stay expected", () => {
  test("when the same backfill is run once more and stopped early", async () => {
    const world = createFakeWorld();
    await note(world, backfill, { fromBlock: 0, toBlock: 99, state: "running" });
    await note(world, backfill, { fromBlock: 0, toBlock: 99, state: "done" });
    const again = { fromBlock: 0, toBlock: 99, state: "running" } as const;
    await note(world, backfill, again, again);

    await note(world, backfill, { fromBlock: 1, toBlock: 0, state: "done" });

    expect(await isExpected(world, 50)).toBe(true);
  });

  test("when a follow is started below them and stopped before it reaches them", async () => {
    const world = createFakeWorld();
    await note(world, follow, { fromBlock: 100, toBlock: null, state: "running" });
    await note(world, follow, { fromBlock: 100, toBlock: 200, state: "done" });
    const again = { fromBlock: 50, toBlock: null, state: "running" } as const;
    await note(world, follow, again, again);

    await note(world, follow, { fromBlock: 50, toBlock: 60, state: "done" });

    expect(await isExpected(world, 55)).toBe(true);
    expect(await isExpected(world, 80)).toBe(false);
    expect(await isExpected(world, 100)).toBe(true);
    expect(await isExpected(world, 200)).toBe(true);
  });
});

test("a stop withdraws what a backfill that gave up had left expected", async () => {
  const world = createFakeWorld();
  await note(world, backfill, { fromBlock: 0, toBlock: 99, state: "running" });
  await note(world, backfill, { fromBlock: 0, toBlock: 99, state: "abandoned" });
  await note(world, backfill, { fromBlock: 0, toBlock: 99, state: "running" });
  await note(world, backfill, { fromBlock: 0, toBlock: 9, state: "done" });

  expect(await isExpected(world, 9)).toBe(true);
  expect(await isExpected(world, 50)).toBe(false);
});

test("a job that is stopped while gap-fill looks stays stopped", async () => {
  const world = createFakeWorld();
  await note(world, backfill, { fromBlock: 0, toBlock: 99, state: "running" });
  const { isWorkflowOpen } = world.dependencies;
  const dependencies = {
    ...world.dependencies,
    isWorkflowOpen: async (workflowId: string) => {
      await note(world, backfill, { fromBlock: 0, toBlock: 9, state: "done" });
      return isWorkflowOpen(workflowId);
    },
  };

  const gaps = await call({ ...world, dependencies }, (activities) =>
    activities.findGaps({ network: "net", processors: ["structlog"], limit: 1000 }),
  );

  expect(gaps.missing).toEqual([{ fromBlock: 0, toBlock: 9 }]);
  expect(await world.ranges.read("net")).toMatchObject([
    { fromBlock: 0, toBlock: 9, state: "done" },
  ]);
});
