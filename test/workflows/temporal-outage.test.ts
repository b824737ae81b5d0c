import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { FollowProgress } from "../../src/workflows/follow-shapes.ts";
import type { RequeuedRange } from "../../src/workflows/gap-fill-shapes.ts";
import {
  startWorkflowEnv,
  untilQuery,
  untilRuns,
  type WorkflowEnv,
} from "../support/workflow-env.ts";

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv();
});
afterAll(() => env.stop());

test("all three jobs go on by themselves after the Temporal server was killed in the middle", async () => {
  const network = await env.network();
  const { fake } = network;
  fake.blockMs = 20;
  fake.head = 300;
  const backfill = await network.startBackfill({ toBlock: 199 });
  const follow = await network.startFollow({ startBlock: 300 });
  const gapFill = await network.startGapFill();
  await gapFill.signal("pause");
  await gapFill.executeUpdate("requeueBlocks", { args: [{ blocks: ["200-204"] }] });
  await waitUntil(() => fake.indexed.length >= 30, { what: "30 blocks" });

  fake.blockMs = 500;
  await env.temporal.kill();
  const doneAtKill = fake.indexed.length;
  fake.blockMs = 20;
  await env.temporal.restart();
  fake.head = 303;

  expect(await backfill.result()).toMatchObject({ blocks: 200, failed: 0 });
  expect(doneAtKill).toBeLessThan(200);
  await untilQuery<FollowProgress>(follow, "progress", ({ nextBlock }) => nextBlock === 304);
  expect(await gapFill.query<RequeuedRange[]>("pending")).toMatchObject([
    { fromBlock: 200, toBlock: 204 },
  ]);
  await gapFill.signal("resume");
  await untilQuery<RequeuedRange[]>(gapFill, "pending", (pending) => pending.length === 0);
  const numbers = new Set(fake.indexed.map(({ blockNumber }) => blockNumber));
  expect(numbers.size).toBe(200 + 4 + 5);
  await Promise.all([follow.cancel(), gapFill.cancel()]);
});

test("a thousand messages without a suggestion of the server begin a new run, and each is counted", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();
  await handle.signal("pause");
  for (let batch = 0; batch < 21; batch += 1) {
    const blocks = Array.from({ length: 50 }, (_, index) => (batch * 50 + index) * 2);
    await Promise.all(blocks.map((block) => handle.signal("requeueBlocks", { blocks: [block] })));
  }

  await untilRuns(env, handle, 2);

  const pending = await handle.query<RequeuedRange[]>("pending");
  expect(pending).toHaveLength(1050);
  await handle.cancel();
});
