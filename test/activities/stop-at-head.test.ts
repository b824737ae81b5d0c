import { expect, test } from "vitest";
import { startIndexBlocks } from "../support/activity-run.ts";
import { createFakeWorld, fakeEngine } from "../support/fakes.ts";

test("a closed range that stops at the head books nothing above it, and says where the head is", async () => {
  const world = createFakeWorld();
  world.node.mine(3, { steps: 5 });
  const requeue = (fromBlock: number, toBlock: number) =>
    startIndexBlocks({
      dependencies: world.dependencies,
      engine: fakeEngine,
      input: { fromBlock, toBlock, force: true, stopAtHead: true },
    }).result;

  expect(await requeue(1, 9)).toMatchObject({ nextBlock: 3, head: 2, blocks: 2, failedCount: 0 });
  expect(await requeue(7, 9)).toMatchObject({ nextBlock: 7, head: 2, blocks: 0, failedCount: 0 });
  expect(world.ledger.winner(7)).toBeUndefined();
});
