import { ApplicationFailure, type WorkflowHandle } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { FollowProgress } from "../../src/workflows/follow-shapes.ts";
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

const untilProgress = (handle: WorkflowHandle, accept: (progress: FollowProgress) => boolean) =>
  untilQuery(handle, "progress", accept);

async function stop(handle: WorkflowHandle): Promise<void> {
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: "CancelledFailure" } });
}

test("starts where the activity says and indexes each new block", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 100;
  const handle = await startFollow();
  await untilProgress(handle, ({ nextBlock }) => nextBlock === 101);

  fake.head = 103;

  const progress = await untilProgress(handle, ({ nextBlock }) => nextBlock === 104);
  expect(progress).toMatchObject({ blocks: 4, head: 103, lag: 0, failed: 0, waitingFor: null });
  expect(fake.registered).toMatchObject([{ fromBlock: 100, toBlock: null, state: "running" }]);
  expect(fake.calls[0]).toMatchObject({ fromBlock: 100, toBlock: null, headPolicy: null });
  await stop(handle);
});

test("starts at the block that it was told", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 12;
  const handle = await startFollow({ startBlock: 7 });
  await untilProgress(handle, ({ nextBlock }) => nextBlock === 13);
  expect(fake.indexed.map(({ blockNumber }) => blockNumber)).toEqual([7, 8, 9, 10, 11, 12]);
  expect(fake.indexed[0]?.priorityKey).toBe(1);
  await stop(handle);
});

test("stopped, it expects the blocks up to the last one done", async () => {
  const { fake, startFollow } = await env.network();
  const handle = await startFollow({ startBlock: fake.head - 4 });
  await untilProgress(handle, ({ blocks }) => blocks === 5);

  await stop(handle);

  expect(fake.registered.at(-1)).toMatchObject({
    fromBlock: fake.head - 4,
    toBlock: fake.head,
    state: "done",
    origin: "follow",
  });
});

test("continues as new without losing its place or a new head policy", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 10;
  const handle = await startFollow({ startBlock: 0 });
  await untilProgress(handle, ({ nextBlock }) => nextBlock === 11);
  const answer = await handle.executeUpdate("setHeadPolicy", { args: [{ headPolicy: "safe" }] });
  expect(answer).toEqual({ headPolicy: "safe" });

  await untilRuns(env, handle, 3);
  fake.head = 12;

  const progress = await untilProgress(handle, ({ nextBlock }) => nextBlock === 13);
  expect(progress).toMatchObject({ blocks: 13, headPolicy: "safe" });
  expect(fake.calls.at(-1)).toMatchObject({ headPolicy: "safe" });
  expect(fake.registered).toHaveLength(1);
  await stop(handle);
});

test("refuses an unknown head policy and changes nothing", async () => {
  const { startFollow } = await env.network();
  const handle = await startFollow();
  for (const body of ["newest", null, undefined, {}, { headPolicy: 5 }]) {
    await expect(handle.executeUpdate("setHeadPolicy", { args: [body] })).rejects.toMatchObject({
      cause: { type: "RequestRefusedError" },
    });
  }
  expect((await handle.query<FollowProgress>("progress")).headPolicy).toBeNull();
  await stop(handle);
});

test("a pause stops asking for blocks, over continue-as-new; resume goes on", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 10;
  const handle = await startFollow({ startBlock: 0 });
  await untilProgress(handle, ({ nextBlock }) => nextBlock === 11);
  await handle.signal("pause");
  await untilProgress(handle, ({ waitingFor }) => waitingFor === "resume (paused)");
  const calls = fake.calls.length;
  for (let index = 0; index < 60; index += 1) await handle.signal("pause");
  await untilRuns(env, handle, 2);

  fake.head = 11;
  expect(await currentDetails(handle)).toContain("**Paused**");
  expect(fake.calls).toHaveLength(calls);
  await handle.signal("resume");

  await untilProgress(handle, ({ nextBlock }) => nextBlock === 12);
  await stop(handle);
});

test("leaves failed blocks to gap-fill, which it starts", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 10;
  fake.failures.set(9, 1);
  const handle = await startFollow({ startBlock: 8 });
  const progress = await untilProgress(handle, ({ nextBlock }) => nextBlock === 11);
  expect(progress).toMatchObject({
    failed: 1,
    lastError: "block 9: trace_refused: the node refused",
  });
  await waitUntil(() => fake.ensuredGapFills > 0, { what: "gap-fill" });
  await stop(handle);
});

test("stands still over a fault that only a person can mend, says so, and goes on at resume", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 10;
  fake.outage = ApplicationFailure.nonRetryable("The rows were final.", "ReorgBeyondFinalityError");
  const handle = await startFollow({ startBlock: 8 });
  await untilProgress(handle, ({ waitingFor }) =>
    Boolean(waitingFor?.startsWith("somebody to mend this: The rows were final.")),
  );
  expect((await handle.describe()).searchAttributes).toMatchObject({ JobStatus: ["halted"] });
  expect(await currentDetails(handle)).toContain(
    "**Halted: only a person can set it going again**",
  );

  fake.outage = undefined;
  await handle.signal("resume");

  await untilProgress(handle, ({ nextBlock }) => nextBlock === 11);
  await stop(handle);
});

test("hands a person's word on a reorg beneath finality to the next call, once", async () => {
  const { fake, startFollow } = await env.network();
  fake.head = 10;
  fake.outage = ApplicationFailure.nonRetryable("The rows were final.", "ReorgBeyondFinalityError");
  const handle = await startFollow({ startBlock: 8 });
  await untilProgress(handle, ({ halted }) => halted === true);
  const blockHash = `0x${"a".repeat(64)}`;
  for (const body of [
    null,
    {},
    { fromBlock: 5 },
    { fromBlock: -1, blockHash },
    // What JavaScript would read as block 0 or 1.
    { fromBlock: null, blockHash },
    { fromBlock: "", blockHash },
    { fromBlock: [], blockHash },
    { fromBlock: true, blockHash },
    { fromBlock: 5, blockHash: "0x1" },
  ]) {
    await expect(handle.executeUpdate("acceptReorg", { args: [body] })).rejects.toMatchObject({
      cause: { type: "RequestRefusedError" },
    });
  }

  fake.outage = undefined;
  const word = { fromBlock: 5, blockHash, actor: "kim" };
  expect(await handle.executeUpdate("acceptReorg", { args: [word] })).toEqual(word);

  await untilProgress(handle, ({ nextBlock, halted }) => nextBlock === 11 && halted === false);
  await waitUntil(() => fake.calls.length > 3, { what: "more calls" });
  const accepting = fake.calls.filter(({ acceptedReorg }) => acceptedReorg);
  expect(accepting).toMatchObject([{ acceptedReorg: { fromBlock: 5, blockHash }, actor: "kim" }]);
  await stop(handle);
});
