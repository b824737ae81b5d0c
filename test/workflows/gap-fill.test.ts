import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ApplicationFailure, type WorkflowHandle } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { GapFillProgress, RequeuedRange } from "../../src/workflows/gap-fill-shapes.ts";
import type { RequeueAnswer, RequeueRequest } from "../../src/workflows/messages.ts";
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
  env = await startWorkflowEnv({
    dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "50" },
  });
});
afterAll(() => env.stop());

const run = promisify(execFile);
const untilProgress = (handle: WorkflowHandle, accept: (progress: GapFillProgress) => boolean) =>
  untilQuery(handle, "progress", accept);
const pending = (handle: WorkflowHandle) => handle.query<RequeuedRange[]>("pending");
const numbersOf = ({ fake }: TestNetwork) => fake.indexed.map(({ blockNumber }) => blockNumber);

/** Sends a message as a person would, with the temporal CLI. */
async function cli(...args: string[]): Promise<string> {
  const { stdout } = await run(env.temporal.cli, [
    ...args,
    "--address",
    env.temporal.address,
    "--namespace",
    env.temporal.namespace,
  ]);
  return stdout;
}

/** The server refuses a signal in the moment between two runs, which are short here; a person sends it again. */
async function signal(handle: WorkflowHandle, name: string, ...body: string[]): Promise<void> {
  const args = ["workflow", "signal", "--workflow-id", handle.workflowId, "--name", name, ...body];
  const send = () => cli(...args).then(() => true);
  await waitUntil(send, { what: `${name} to be taken`, everyMs: 500 });
}

/** A body that the CLI would not send, but any client of the API can. */
async function signalBytes(handle: WorkflowHandle, signalName: string, body: string) {
  const payload = { metadata: { encoding: Buffer.from("json/plain") }, data: Buffer.from(body) };
  await env.client.workflowService.signalWorkflowExecution({
    namespace: env.temporal.namespace,
    workflowExecution: { workflowId: handle.workflowId },
    signalName,
    input: { payloads: [payload] },
  });
}

async function stop(handle: WorkflowHandle): Promise<void> {
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: "CancelledFailure" } });
}

test("closes what a scan found: due and missing blocks in batches, newest first, then unchained ones by force", async () => {
  const network = await env.network();
  network.fake.gaps = {
    missing: [{ fromBlock: 100, toBlock: 124 }],
    due: [7],
    unchained: [50],
    counts: { missing: 25, failed: 1, quarantined: 2 },
  };
  const handle = await network.startGapFill();

  const progress = await untilProgress(handle, ({ waitingFor }) => waitingFor !== null);

  const calls = network.fake.calls.map(({ fromBlock, toBlock, force }) => ({
    fromBlock,
    toBlock,
    force,
  }));
  expect(calls).toEqual([
    { fromBlock: 7, toBlock: 7, force: false },
    { fromBlock: 115, toBlock: 124, force: false },
    { fromBlock: 105, toBlock: 114, force: false },
    { fromBlock: 100, toBlock: 104, force: false },
    { fromBlock: 50, toBlock: 50, force: true },
  ]);
  expect(progress).toMatchObject({ recovered: 27, failed: 0, quarantined: 2 });
  expect(network.fake.indexed[0]?.priorityKey).toBe(3);
  await stop(handle);
});

test("who wants to hear is told of each batch that made blocks complete, and of what failed in it", async () => {
  const network = await env.network();
  network.fake.failures.set(112, 1);
  const missing = [{ fromBlock: 100, toBlock: 114 }];
  network.fake.gaps = { ...network.fake.gaps, missing, isAnnounced: true };
  const handle = await network.startGapFill();

  await waitUntil(() => network.fake.announced.length >= 2, { what: "2" });

  const { name } = network;
  const told = { network: name, processors: ["structlog", "transaction"] };
  expect(network.fake.announced.slice(0, 2)).toEqual([
    { ...told, fromBlock: 105, toBlock: 114, recovered: 9, failed: [112] },
    { ...told, fromBlock: 100, toBlock: 104, recovered: 5, failed: [] },
  ]);
  await stop(handle);
});

test("a scan whose worker is gone is another's within seconds", async () => {
  const network = await env.network();
  // No heartbeat comes from it, as from a worker that was killed.
  network.fake.scanMs = 600_000;
  const handle = await network.startGapFill();
  await waitUntil(() => network.fake.scans === 1, { what: "a scan" });
  network.fake.scanMs = 0;

  await untilProgress(handle, ({ waitingFor }) => waitingFor !== null);

  expect(network.fake.scans).toBe(2);
  await stop(handle);
});

test("rests until the next failed block is due", async () => {
  const network = await env.network();
  network.fake.failures.set(7, 1);
  network.fake.gaps = { ...network.fake.gaps, due: [7] };
  network.fake.nextDueAt = new Date(Date.now() + 1000).toISOString();
  const handle = await network.startGapFill();
  await untilProgress(handle, ({ failed }) => failed === 1);

  await untilProgress(handle, ({ recovered }) => recovered === 1);

  expect(numbersOf(network)).toEqual([7, 7]);
  await stop(handle);
});

test("a rest without anything due lasts the scan interval and shows what it waits for", async () => {
  const network = await env.network();
  const handle = await network.startGapFill({ scanIntervalMs: 500 });
  const { waitingFor } = await untilProgress(handle, (progress) => progress.waitingFor !== null);
  expect(waitingFor).toMatch(
    /^the (next scan at|scan that began at) 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC(, or a message)?$/,
  );
  await waitUntil(() => network.fake.scans >= 3, { what: "3 scans" });
  expect(network.fake.calls).toEqual([]);
  await stop(handle);
});

test("does not trace a hash that does not chain again and again", async () => {
  const network = await env.network();
  network.fake.gaps = { ...network.fake.gaps, unchained: [50] };
  const handle = await network.startGapFill();
  await untilProgress(handle, ({ waitingFor }) => waitingFor !== null);
  await handle.signal("resume");
  await waitUntil(() => network.fake.scans >= 2, { what: "2 scans" });
  expect(numbersOf(network)).toEqual([50]);
  await stop(handle);
});

test("requeues blocks by the documented signal of the temporal CLI, by force and with the words of the person", async () => {
  const network = await env.network();
  network.fake.head = 20_000_000;
  const handle = await network.startGapFill();

  await signal(
    handle,
    "requeueBlocks",
    "--input",
    '{"blocks":[17000000,"17000005-17000010"],"reason":"looks short","actor":"kim"}',
  );

  await untilProgress(handle, ({ requeuedDone }) => requeuedDone === 7);
  expect(network.fake.calls).toMatchObject([
    { fromBlock: 17000000, toBlock: 17000000, force: true, reason: "looks short", actor: "kim" },
    { fromBlock: 17000005, toBlock: 17000010, force: true, reason: "looks short", actor: "kim" },
  ]);
  expect(network.fake.indexed[0]?.priorityKey).toBe(2);
  expect(await pending(handle)).toEqual([]);
  await stop(handle);
});

test("requeues blocks by the documented update of the temporal CLI and answers counts", async () => {
  const network = await env.network();
  network.fake.head = 20_000_000;
  const handle = await network.startGapFill();

  const stdout = await cli(
    "workflow",
    "update",
    "execute",
    "--workflow-id",
    handle.workflowId,
    "--name",
    "requeueBlocks",
    "--input",
    '{"blocks":["15M:+3"],"processor":"transaction_structlog"}',
    "--output",
    "json",
  );

  expect(JSON.parse(stdout)).toMatchObject({
    result: { queued: 3, alreadyQueued: 0, refused: [], paused: false },
  });
  await untilProgress(handle, ({ requeuedDone }) => requeuedDone === 3);
  expect(network.fake.calls).toMatchObject([{ fromBlock: 15e6, processors: ["structlog"] }]);
  await stop(handle);
});

const badRequeues: readonly (readonly [words: string, ...body: string[]])[] = [
  ["the body is not JSON", "--input", "5", "--input-meta", "encoding=binary/none"],
  ["the body is not an object"],
  ["the body is not an object", "--input", "null"],
  ["the body is not an object", "--input", "5"],
  ["the body is not an object", "--input", '"17000000"'],
  ["the body is not an object", "--input", "[17000000]"],
  ["blocks is not a list", "--input", '{"reason":"x"}'],
  ["blocks is not a list", "--input", '{"blocks":17000000}'],
  ["blocks is not a list", "--input", '{"blocks":[]}'],
  ['"latest": "latest" is no block number', "--input", '{"blocks":[1,"latest"]}'],
  ["neither a number nor a text", "--input", '{"blocks":[1,{}]}'],
  ["is no block number", "--input", '{"blocks":[1,-5]}'],
  ["is no block number", "--input", '{"blocks":[1.5]}'],
  ["it ends (3) before it starts (9)", "--input", '{"blocks":["9-3"]}'],
  ["more than 1000 blocks", "--input", '{"blocks":["1-1001"]}'],
  ['the processor "logs" does not exist', "--input", '{"blocks":[1],"processor":"logs"}'],
  ["is not in use here", "--input", '{"blocks":[1],"processor":"structlog_agg"}'],
  ["reason is not a text", "--input", '{"blocks":[1],"reason":{}}'],
];

test("a bad requeue signal changes nothing, is shown with its reason, and the job lives on", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();

  for (const [words, ...body] of badRequeues) {
    await signal(handle, "requeueBlocks", ...body);
    const { lastRefusal, requeued } = await handle.query<GapFillProgress>("progress");
    expect(lastRefusal).toContain(`requeueBlocks: `);
    expect(lastRefusal).toContain(words);
    expect(requeued).toBe(0);
    expect(await currentDetails(handle)).toContain(
      "| last refused message\u00A0\u00A0 | requeueBlocks: ",
    );
  }
  expect(network.fake.calls).toEqual([]);
  await stop(handle);
});

test("a signal whose body is no JSON changes nothing, is shown, and the job lives on", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();

  await signalBytes(handle, "requeueBlocks", '{"blocks":[5]');

  const { lastRefusal } = await untilProgress(handle, (progress) => progress.lastRefusal !== "");
  expect(lastRefusal).toBe("requeueBlocks: the body is not JSON");
  await signalBytes(handle, "pause", "{");
  await untilProgress(handle, ({ paused }) => paused);
  expect(network.fake.calls).toEqual([]);
  await stop(handle);
});

test("an update that cannot be acted on is refused with the reason and changes nothing", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();
  await handle.signal("pause");

  const bodies = [undefined, null, 5, [], { blocks: ["9-3"] }, { blocks: ["1-1001"] }];
  for (const body of [...bodies, { blocks: [1], processor: "logs" }]) {
    const update = handle.executeUpdate("requeueBlocks", { args: [body] });
    await expect(update).rejects.toMatchObject({
      cause: {
        type: "RequestRefusedError",
        message: expect.stringContaining("The request was refused and changed nothing."),
      },
    });
  }
  expect(await pending(handle)).toEqual([]);
  await stop(handle);
});

test("requeued twice, a block is traced once", async () => {
  const network = await env.network();
  network.fake.closeGate();
  const handle = await network.startGapFill();
  const requeue = (blocks: RequeueRequest["blocks"]) =>
    handle.executeUpdate<RequeueAnswer, [RequeueRequest]>("requeueBlocks", { args: [{ blocks }] });

  expect(await requeue(["10-14"])).toMatchObject({ queued: 5, alreadyQueued: 0 });
  await untilProgress(handle, ({ inFlight }) => inFlight.length === 1);
  expect(await requeue(["10-14"])).toMatchObject({ queued: 0, alreadyQueued: 5 });
  expect(await requeue([20, 21])).toMatchObject({ queued: 2, alreadyQueued: 0 });
  expect(await requeue(["12-22"])).toMatchObject({ queued: 6, alreadyQueued: 5 });
  await handle.signal("requeueBlocks", { blocks: ["10-22"] });

  network.fake.openGate();
  await untilProgress(handle, ({ requeued }) => requeued === 0);
  expect(numbersOf(network).toSorted((a, b) => a - b)).toEqual([
    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
  ]);
  await stop(handle);
});

test("takes requeues while paused, says so, and does them after resume", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();
  await handle.signal("pause");

  const answer = await handle.executeUpdate("requeueBlocks", { args: [{ blocks: [5] }] });

  expect(answer).toEqual({ queued: 1, alreadyQueued: 0, refused: [], paused: true });
  expect(await pending(handle)).toMatchObject([{ fromBlock: 5, toBlock: 5 }]);
  expect(network.fake.calls).toEqual([]);
  await handle.signal("resume");
  await untilProgress(handle, ({ requeuedDone }) => requeuedDone === 1);
  await stop(handle);
});

test("loses no requeue over many runs, by signal or update, paused or not", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();
  // The server lets a run last a second at least, and one of these ends after some 6 blocks.
  for (let block = 0; block < 60; block += 1) {
    if (block === 20) await handle.signal("pause");
    if (block === 40) await handle.signal("resume");
    const body = { blocks: [block * 10] };
    if (block % 2 === 0) await handle.signal("requeueBlocks", body);
    else await handle.executeUpdate("requeueBlocks", { args: [body] });
  }

  const progress = await untilProgress(handle, ({ requeuedDone }) => requeuedDone === 60);

  expect(progress).toMatchObject({ requeued: 0, failed: 0, lastRefusal: "" });
  expect(new Set(numbersOf(network)).size).toBe(60);
  await untilRuns(env, handle, 4);
  await stop(handle);
});

test("a requeue does not wait for the batch of a scan", async () => {
  const network = await env.network();
  network.fake.gaps = { ...network.fake.gaps, missing: [{ fromBlock: 0, toBlock: 9 }] };
  network.fake.blockMs = 300;
  const handle = await network.startGapFill();
  await waitUntil(() => network.fake.indexed.length > 0, { what: "the scan" });
  network.fake.blockMs = 2000;

  await handle.executeUpdate("requeueBlocks", { args: [{ blocks: [500] }] });

  await waitUntil(() => numbersOf(network).includes(500), { what: "500" });
  expect(numbersOf(network)).not.toContain(9);
  await stop(handle);
});

test("of a requeue that reaches above the head, what is there is indexed and the rest refused with words", async () => {
  const network = await env.network();
  network.fake.head = 1005;
  const handle = await network.startGapFill();
  await handle.signal("requeueBlocks", { blocks: ["1000-1020", 99_000_000, 7] });
  const progress = await untilProgress(
    handle,
    ({ requeued, requeuedDone }) => requeued === 0 && requeuedDone > 0,
  );
  expect(progress).toMatchObject({
    requeuedDone: 7,
    failed: 0,
    lastError: null,
    lastRefusal:
      "requeueBlocks: 99,000,000: above the head (1,005); ask again when the chain has it",
  });
  expect(numbersOf(network).toSorted((a, b) => a - b)).toEqual([
    7, 1000, 1001, 1002, 1003, 1004, 1005,
  ]);
  await stop(handle);
});

test("a requeue that reaches no block is given up with words instead of coming back for ever", async () => {
  const network = await env.network();
  network.fake.reachesNothing = true;
  const handle = await network.startGapFill();
  await handle.signal("requeueBlocks", { blocks: [99_000_000] });
  const progress = await untilProgress(handle, ({ lastError }) => lastError !== null);
  expect(progress).toMatchObject({
    requeued: 0,
    lastError: "the requeue of 99,000,000 reached no block: above the head?",
  });
  await stop(handle);
});

test("a release that comes in the middle of a scan does not wait for the next", async () => {
  const network = await env.network();
  network.fake.scanMs = 500;
  const handle = await network.startGapFill();
  await waitUntil(() => network.fake.scans > 0, { what: "a scan" });
  await handle.signal("releaseBlocks", { blocks: [5] });
  await waitUntil(() => network.fake.released.length > 0, { what: "a release" });
  await stop(handle);
});

test("a release by kind goes on until nothing of the kind is left", async () => {
  const network = await env.network();
  network.fake.quarantined = 2500;
  const handle = await network.startGapFill();
  await waitUntil(() => network.fake.scans > 0, { what: "a scan" });
  await handle.signal("releaseBlocks", { kind: "trace_refused" });
  await waitUntil(() => network.fake.quarantined === 0, { what: "releases" });
  await untilProgress(handle, ({ waitingFor }) => waitingFor !== null);
  expect(network.fake.released).toHaveLength(3);
  await stop(handle);
});

test("releases blocks by the documented signals of the temporal CLI", async () => {
  const network = await env.network();
  const handle = await network.startGapFill();
  await untilProgress(handle, ({ waitingFor }) => waitingFor !== null);

  await signal(handle, "releaseBlocks", "--input", '{"blocks":[5,"7-9"],"reason":"mended"}');
  await signal(handle, "releaseBlocks", "--input", '{"kind":"trace_refused"}');

  await waitUntil(() => network.fake.released.length === 2, { what: "releases" });
  expect(network.fake.released).toMatchObject([
    { network: network.name, blocks: ["5-5", "7-9"], reason: "mended" },
    { network: network.name, kind: "trace_refused" },
  ]);
  for (const body of ["{}", '{"blocks":[1],"kind":"x"}', '{"kind":7}', '{"blocks":"5"}']) {
    await signal(handle, "releaseBlocks", "--input", body);
  }
  const { lastRefusal } = await untilProgress(handle, (progress) =>
    progress.lastRefusal.includes("blocks is not a list"),
  );
  expect(lastRefusal).toMatch(/^releaseBlocks: /);
  expect(network.fake.released).toHaveLength(2);
  await stop(handle);
});

test("stands still over a fault that only a person can mend, and goes on at resume", async () => {
  const network = await env.network();
  network.fake.gaps = { ...network.fake.gaps, due: [7] };
  network.fake.outage = ApplicationFailure.nonRetryable("Another chain.", "WrongChainError");
  const handle = await network.startGapFill();
  await untilProgress(handle, ({ waitingFor }) =>
    Boolean(waitingFor?.startsWith("somebody to mend this: Another chain.")),
  );
  network.fake.outage = undefined;
  await handle.signal("resume");
  await untilProgress(handle, ({ recovered }) => recovered === 1);
  await stop(handle);
});

test("stopping drains what is in flight", async () => {
  const network = await env.network();
  network.fake.blockMs = 100;
  const handle = await network.startGapFill();
  await handle.signal("requeueBlocks", { blocks: ["0-9"] });
  await waitUntil(() => network.fake.indexed.length >= 2, { what: "2 blocks" });
  network.fake.blockMs = 2000;
  await stop(handle);
  const done = network.fake.indexed.length;
  expect(done).toBeLessThan(10);
});
