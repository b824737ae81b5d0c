import { ApplicationFailure, type WorkflowHandle } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { BackfillProgress, BackfillResult } from "../../src/workflows/backfill-shapes.ts";
import {
  currentDetails,
  startWorkflowEnv,
  type TestNetwork,
  untilQuery,
  untilRuns,
  type WorkflowEnv,
} from "../support/workflow-env.ts";

let env: WorkflowEnv;
beforeAll(async () => {
  // Suggests a new run after 50 events, so that short tests cross several.
  env = await startWorkflowEnv({
    dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "50" },
  });
});
afterAll(() => env.stop());

const untilProgress = (handle: WorkflowHandle, accept: (progress: BackfillProgress) => boolean) =>
  untilQuery(handle, "progress", accept);
const numbersOf = ({ fake }: TestNetwork) =>
  fake.indexed.map(({ blockNumber }) => blockNumber).toSorted((a, b) => a - b);
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("indexes every block of the range once, over several runs, and returns the totals", async () => {
  const network = await env.network();
  const handle = await network.startBackfill({ fromBlock: 5, toBlock: 404 });

  const result: BackfillResult = await handle.result();

  expect(result).toEqual({ blocks: 400, transactions: 800, rows: 40_000, failed: 0 });
  expect(numbersOf(network)).toEqual(numbers(5, 404));
  await untilRuns(env, handle, 3);
});

test("registers its range as running at the start and as done at the end", async () => {
  const network = await env.network();
  const handle = await network.startBackfill({ fromBlock: 5, toBlock: 24 });
  await handle.result();

  const range = {
    network: network.name,
    processors: ["structlog", "transaction"],
    fromBlock: 5,
    toBlock: 24,
    origin: "backfill",
    workflowId: handle.workflowId,
  };
  expect(network.fake.registered).toEqual([
    { ...range, state: "running" },
    { ...range, state: "done" },
  ]);
});

test("begins at the newest block when told so", async () => {
  const network = await env.network();
  const handle = await network.startBackfill({ order: "newest-first", concurrency: 1 });
  await handle.result();

  const starts = network.fake.calls.map(({ fromBlock }) => fromBlock);
  expect(starts).toEqual([90, 80, 70, 60, 50, 40, 30, 20, 10, 0]);
});

test("leaves failed blocks to gap-fill, which it starts", async () => {
  const network = await env.network();
  network.fake.failures.set(7, 1);
  const handle = await network.startBackfill({ toBlock: 19 });

  expect(await handle.result()).toMatchObject({ blocks: 20, failed: 1 });
  expect(network.fake.ensuredGapFills).toBeGreaterThan(0);
});

test("does not start gap-fill when nothing failed", async () => {
  const network = await env.network();
  await (await network.startBackfill({ toBlock: 19 })).result();
  expect(network.fake.ensuredGapFills).toBe(0);
});

test("runs as many chunks side by side as told, also after setConcurrency", async () => {
  const network = await env.network();
  network.fake.closeGate();
  const handle = await network.startBackfill({ concurrency: 2 });
  const before = await untilProgress(handle, ({ inFlight }) => inFlight.length === 2);
  expect(before.concurrency).toBe(2);

  const answer = await handle.executeUpdate("setConcurrency", { args: [{ concurrency: 4 }] });

  expect(answer).toEqual({ concurrency: 4 });
  await untilProgress(handle, ({ inFlight }) => inFlight.length === 4);
  network.fake.openGate();
  await handle.result();
  expect(network.fake.mostRunning).toBe(4);
});

test("refuses what is no concurrency and changes nothing", async () => {
  const network = await env.network();
  network.fake.closeGate();
  const handle = await network.startBackfill({ toBlock: 19 });

  for (const body of [0, 65, 1.5, "4", null, undefined, {}, [], { concurrency: -1 }]) {
    const update = handle.executeUpdate("setConcurrency", { args: [body] });
    await expect(update).rejects.toMatchObject({
      cause: {
        type: "RequestRefusedError",
        message: expect.stringContaining('write {"concurrency":N}'),
      },
    });
  }
  expect((await handle.query<BackfillProgress>("progress")).concurrency).toBe(2);
  network.fake.openGate();
  await handle.result();
});

test("a pause starts no more chunks and keeps those in flight; resume goes on", async () => {
  const network = await env.network();
  network.fake.closeGate();
  const handle = await network.startBackfill({ concurrency: 2 });
  await untilProgress(handle, ({ inFlight }) => inFlight.length === 2);

  await handle.signal("pause");
  network.fake.openGate();

  const paused = await untilProgress(handle, ({ inFlight }) => inFlight.length === 0);
  expect(paused).toMatchObject({ doneBlocks: 20, paused: true, waitingFor: "resume (paused)" });
  expect(await currentDetails(handle)).toContain("**Paused**");
  await handle.signal("resume");
  expect(await handle.result()).toMatchObject({ blocks: 100 });
});

test("continues as new while paused, stays paused and loses no message", async () => {
  const network = await env.network();
  network.fake.closeGate();
  const handle = await network.startBackfill({ concurrency: 1 });
  await untilProgress(handle, ({ inFlight }) => inFlight.length === 1);
  await handle.signal("pause");
  network.fake.openGate();
  await untilProgress(handle, ({ inFlight }) => inFlight.length === 0);

  for (let concurrency = 1; concurrency <= 40; concurrency += 1) {
    await handle.executeUpdate("setConcurrency", { args: [{ concurrency }] });
  }

  await untilRuns(env, handle, 2);
  const progress = await handle.query<BackfillProgress>("progress");
  expect(progress).toMatchObject({ paused: true, concurrency: 40, doneBlocks: 10 });
  await handle.signal("resume");
  expect(await handle.result()).toMatchObject({ blocks: 100 });
  expect(numbersOf(network)).toEqual(numbers(0, 99));
});

test("stopping drains, keeps what is done and no longer expects the rest", async () => {
  const network = await env.network();
  network.fake.blockMs = 100;
  const handle = await network.startBackfill({ fromBlock: 1000, toBlock: 1999, concurrency: 1 });
  await waitUntil(() => network.fake.indexed.length >= 13, { what: "13 blocks" });
  // However long the cancellation takes on its way, few blocks are begun meanwhile.
  network.fake.blockMs = 1000;

  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: "CancelledFailure" } });

  const done = network.fake.indexed.length;
  expect(done).toBeLessThan(25);
  expect(network.fake.registered.at(-1)).toMatchObject({
    fromBlock: 1000,
    toBlock: 1000 + done - 1,
    state: "done",
  });
});

test("stopped before its first block it expects nothing", async () => {
  const network = await env.network();
  network.fake.closeGate();
  const handle = await network.startBackfill({ fromBlock: 1000, toBlock: 1999 });
  await untilProgress(handle, ({ inFlight }) => inFlight.length > 0);

  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();

  expect(network.fake.registered.at(-1)).toMatchObject({
    fromBlock: 1000,
    toBlock: 999,
    state: "done",
  });
});

test("waits out an outage without booking a failure", async () => {
  const network = await env.network();
  network.fake.outage = ApplicationFailure.retryable(
    "The node does not answer.",
    "NodeUnavailable",
  );
  const handle = await network.startBackfill({ toBlock: 19 });
  await waitUntil(() => network.fake.calls.length >= 3, { what: "3 attempts" });

  network.fake.outage = undefined;

  expect(await handle.result()).toMatchObject({ blocks: 20, failed: 0 });
});

test("a fault that only a person can mend ends it with the words, and the range stays expected", async () => {
  const network = await env.network();
  const message =
    "The node serves another chain.\n  Fix: point the network at a node of its chain.";
  network.fake.outage = ApplicationFailure.nonRetryable(message, "WrongChainError");
  const handle = await network.startBackfill({ toBlock: 19 });

  await expect(handle.result()).rejects.toMatchObject({
    cause: { type: "WrongChainError", message },
  });
  expect(network.fake.registered.at(-1)).toMatchObject({
    fromBlock: 0,
    toBlock: 19,
    state: "abandoned",
  });
});

test("goes on with other workers after the first ones stopped in the middle", async () => {
  const network = await env.network();
  network.fake.blockMs = 20;
  const handle = await network.startBackfill();
  await waitUntil(() => network.fake.indexed.length >= 15, { what: "15 blocks" });
  await network.stopWorkers();
  await network.startWorkers();

  expect(await handle.result()).toMatchObject({ blocks: 100 });
  expect(new Set(numbersOf(network))).toEqual(new Set(numbers(0, 99)));
});

test("shows in details and search attributes what it is doing", async () => {
  const network = await env.network();
  network.fake.failures.set(3, 1);
  network.fake.closeGate();
  const handle = await network.startBackfill({ toBlock: 19, concurrency: 1 });
  await untilProgress(handle, ({ inFlight }) => inFlight.length === 1);

  expect(await currentDetails(handle)).toContain("| range\u00A0\u00A0 | 0-19 (20 blocks) |");
  expect(await currentDetails(handle)).toContain("| in flight\u00A0\u00A0 | 0-9 |");
  const running = await handle.describe();
  expect(running.searchAttributes).toMatchObject({
    Network: [network.name],
    JobKind: ["backfill"],
    JobStatus: ["running"],
    FromBlock: [0],
    ToBlock: [19],
    DonePercent: [0],
  });
  network.fake.openGate();
  await handle.result();
  const { searchAttributes } = await handle.describe();
  expect(searchAttributes).toMatchObject({
    JobStatus: ["done"],
    FailedBlocks: [1],
    DonePercent: [100],
  });
});

test("names the blocks in the summary of each call and puts it on the bulk queue with its priority", async () => {
  const network = await env.network();
  const handle = await network.startBackfill({ fromBlock: 1_000_000, toBlock: 1_000_009 });
  await handle.result();

  const { events } = await handle.fetchHistory();
  const call = events?.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === "indexBlocks",
  );
  expect(call?.activityTaskScheduledEventAttributes).toMatchObject({
    taskQueue: { name: `${network.name}-bulk` },
    priority: { priorityKey: 4 },
  });
  const summary = Buffer.from(call?.userMetadata?.summary?.data ?? []).toString();
  expect(JSON.parse(summary)).toBe("blocks 1,000,000-1,000,009");
});

test.each([
  [{ fromBlock: 9, toBlock: 3 }, "the range ends (3) before it starts (9)"],
  [{ concurrency: 0 }, "concurrency is not a whole number from 1 to 64"],
  [{ processors: [] }, "processors is not a list of"],
])("refuses the input %j with words instead of failing task after task", async (input, words) => {
  const network = await env.network();
  const handle = await network.startBackfill(input);
  await expect(handle.result()).rejects.toMatchObject({
    cause: { type: "RequestRefusedError", message: expect.stringContaining(words) },
  });
});
