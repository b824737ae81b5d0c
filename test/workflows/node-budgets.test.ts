import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { NodeReport } from "../../src/domain/node-budget.ts";
import type { BackfillProgress } from "../../src/workflows/backfill-shapes.ts";
import type { FollowProgress } from "../../src/workflows/follow-shapes.ts";
import type { GapFillProgress } from "../../src/workflows/gap-fill-shapes.ts";
import {
  currentDetails,
  startWorkflowEnv,
  untilQuery,
  untilRuns,
  type WorkflowEnv,
} from "../support/workflow-env.ts";

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv({
    dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "50" },
  });
});
afterAll(() => env.stop());

const refused = (restMs: number): NodeReport => ({ node: "a", refusals: 1, restMs, traces: 4 });
/** A rest that is seen from outside while it lasts, also where the server stands still for seconds. */
const longMs = 12_000;
const quiet: NodeReport = { node: "a", refusals: 0, restMs: 0, traces: 2 };

test("a backfill waits as long as its node asks, says so, and then goes on with fewer traces", async () => {
  const network = await env.network();
  const { fake } = network;
  fake.refusal = { nodes: [refused(longMs)], restMs: longMs };
  fake.nodes = [quiet];
  const handle = await network.startBackfill({ toBlock: 59, concurrency: 1 });

  const waiting = await untilQuery<BackfillProgress>(
    handle,
    "progress",
    ({ waitingFor }) => waitingFor !== null,
  );
  expect(waiting.waitingFor).toMatch(/^node a, which asks to wait \d+ s, until 20.* UTC$/);
  expect(waiting.nodes).toEqual([
    { node: "a", traces: 2, refusals: 1, restsUntil: expect.stringMatching(/^20.*Z$/) },
  ]);
  const details = await currentDetails(handle);
  expect(details).toContain("**Waiting**");
  expect(details).toMatch(/nodes that refused.*a: 1 times, 2 traces at once, left alone until/);
  const callsWhileWaiting = fake.calls.length;
  expect(callsWhileWaiting).toBe(1);
  await handle.result();

  const restedMs =
    fake.startedAtMs[1] === undefined ? 0 : fake.startedAtMs[1] - (fake.startedAtMs[0] ?? 0);
  expect(restedMs).toBeGreaterThanOrEqual(longMs - 100);
  expect(fake.calls[0]?.traceBudgets).toEqual([]);
  expect(fake.calls[1]?.traceBudgets).toEqual([{ node: "a", traces: 2, restMs: 0 }]);
  expect(fake.calls[1]?.fromBlock).toBe(0);
  expect(new Set(fake.indexed.map(({ blockNumber }) => blockNumber)).size).toBe(60);
});

test("a backfill has fewer chunks in flight where its node takes fewer traces than it has chunks", async () => {
  const network = await env.network();
  const { fake } = network;
  fake.refusal = { nodes: [{ ...refused(0), traces: 1 }] };
  fake.blockMs = 5;
  const handle = await network.startBackfill({ toBlock: 199, concurrency: 4 });
  await waitUntil(() => fake.refusal === undefined && fake.complete.size > 40, {
    what: "the refusal",
  });
  // Until the four that were there before it have ended.
  await waitUntil(() => fake.calls.some(({ traceBudgets }) => traceBudgets?.[0]?.traces === 1), {
    what: "a call under the budget",
  });
  const before = fake.calls.length;
  fake.mostRunning = 0;
  await waitUntil(() => fake.calls.length > before + 4, { what: "more calls" });
  expect(fake.mostRunning).toBeLessThanOrEqual(2);
  await handle.result();
  expect(fake.complete.size).toBe(200);
});

test("what was decided of a node goes along into the next run", async () => {
  const network = await env.network();
  const { fake } = network;
  fake.refusal = { nodes: [refused(300)], restMs: 300 };
  const handle = await network.startBackfill({ toBlock: 299, concurrency: 1 });
  await handle.result();
  await untilRuns(env, handle, 2);
  expect(fake.calls.at(-1)?.traceBudgets).toEqual([{ node: "a", traces: 2, restMs: 0 }]);
});

test("follow waits as long as every node asks, and goes on at the same block", async () => {
  const network = await env.network();
  const { fake } = network;
  fake.head = 10;
  fake.refusal = { nodes: [refused(longMs)], restMs: longMs };
  const handle = await network.startFollow({ startBlock: 5 });
  const waiting = await untilQuery<FollowProgress>(
    handle,
    "progress",
    ({ waitingFor }) => waitingFor?.startsWith("node a") === true,
  );
  expect(waiting).toMatchObject({ halted: false, nodes: [{ node: "a", refusals: 1 }] });
  expect(fake.calls.length).toBe(1);
  await untilQuery<FollowProgress>(handle, "progress", ({ blocks }) => blocks >= 6);
  await handle.cancel();
  await handle.result().catch(() => {});
  expect(fake.indexed.map(({ blockNumber }) => blockNumber)).toEqual([5, 6, 7, 8, 9, 10]);
});

test("gap-fill keeps a requeue whose call came back early, and does it after the rest", async () => {
  const network = await env.network();
  const { fake } = network;
  fake.refusal = { nodes: [refused(longMs)], restMs: longMs };
  const handle = await network.startGapFill();
  await handle.executeUpdate("requeueBlocks", { args: [{ blocks: ["3-4"] }] });
  await untilQuery<GapFillProgress>(
    handle,
    "progress",
    ({ waitingFor }) => waitingFor?.startsWith("node a") === true,
  );
  const done = await untilQuery<GapFillProgress>(
    handle,
    "progress",
    ({ requeuedDone }) => requeuedDone === 2,
  );
  expect(done).toMatchObject({ requeued: 0, lastError: null });
  expect(fake.indexed.map(({ blockNumber }) => blockNumber)).toEqual([3, 4]);
  await handle.cancel();
  await handle.result().catch(() => {});
});
