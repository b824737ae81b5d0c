import { Client, Connection } from "@temporalio/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { RequeuedRange } from "../../../src/workflows/gap-fill-shapes.ts";
import { startAnvil } from "../../support/anvil.ts";
import { type ClientEnv, startClientEnv } from "../client/client-env.ts";
import { endJobs, isRunning } from "../client/end-jobs.ts";
import { startTestServer, type TestServer } from "./server-env.ts";

/** The highest block of the chain. */
const head = 3000;
/** The job that requeues start. */
const gapFill = "gap-fill/devnet";

let env: ClientEnv;
let anvil: Awaited<ReturnType<typeof startAnvil>>;
let temporal: Client;
let server: TestServer;

beforeAll(async () => {
  anvil = await startAnvil();
  await callNode(anvil.url, "anvil_mine", [head]);
  env = await startClientEnv({ rpcUrl: anvil.url });
  const connection = await Connection.connect({ address: env.temporal.address });
  temporal = new Client({ connection });
  await env.startWorkers();
  server = await startTestServer(env.variables);
});
afterAll(async () => {
  await server?.stop();
  await temporal?.connection.close();
  await env?.stop();
  await anvil?.stop();
});

beforeEach(() => {
  env.renewFake();
  env.fake().closeGate();
});
afterEach(async () => {
  env.fake().openGate();
  await endJobs(temporal, [gapFill]);
});

const post = (path: string, body?: unknown) =>
  server.call("POST", `/api/v1/queue${path}`, body === undefined ? {} : { body });
const pending = () => temporal.workflow.getHandle(gapFill).query<RequeuedRange[]>("pending");

/** Every second number. */
const list = (from: number, length: number) =>
  Array.from({ length }, (_, index) => from + index * 2);

describe("one block", () => {
  test("is queued once however often it is asked for, and starts gap-fill", async () => {
    const first = await post("/block/structlog/7?reason=looks%20short");
    expect(first.status).toBe(200);
    expect(first.json).toEqual({
      status: "queued",
      block_number: 7,
      processor: "structlog",
      network: "devnet",
      queue: "gap-fill/devnet",
      transaction_count: 0,
      tasks_created: 1,
      already_queued: false,
      paused: false,
    });
    const again = await post("/block/structlog/7");
    expect(again.status).toBe(200);
    expect(again.json).toMatchObject({ tasks_created: 0, already_queued: true });
    expect(await pending()).toEqual([
      { fromBlock: 7, toBlock: 7, processors: ["structlog"], reason: "looks short", actor: "api" },
    ]);
  });

  test("may be asked for by a processor's reference name, which the answer repeats", async () => {
    expect((await post("/block/transaction_simple/8")).json).toMatchObject({
      processor: "transaction_simple",
      tasks_created: 1,
    });
    expect((await post("/block/transaction/8")).json).toMatchObject({ already_queued: true });
  });

  test("a client of the reference may say that its empty body is JSON", async () => {
    const { status } = await server.call("POST", "/api/v1/queue/block/structlog/9", {
      rawBody: "",
      headers: { "content-type": "application/json" },
    });
    expect(status).toBe(200);
  });

  test.each([
    ["seven", 400, "invalid block number format"],
    ["-1", 400, "invalid block number format"],
    ["1.5", 400, "invalid block number format"],
    ["18446744073709551616", 400, "invalid block number format"],
    ["18446744073709551615", 422, "block is above the head"],
    ["3001", 422, "block is above the head"],
  ])("%s is refused and changes nothing", async (text, status, error) => {
    const answer = await post(`/block/structlog/${text}`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.json).toMatchObject({
      status,
      error,
      block_number: text,
      title: expect.any(String),
    });
    expect(await isRunning(temporal, gapFill)).toBe(false);
  });

  test("the number is looked at before the processor, and both before the network", async () => {
    expect((await post("/block/nonsense/x")).status).toBe(400);
    expect((await post("/block/nonsense/1?network=other")).json).toMatchObject({
      status: 404,
      error: "processor not found",
      processor: "nonsense",
    });
    expect((await post("/block/structlog/1?network=other")).json).toMatchObject({
      type: "urn:blockloom:problem:unknown-network",
      status: 404,
    });
  });

  test("a processor that is not in use on the network is refused", async () => {
    expect((await post("/block/structlog_agg/1")).json).toMatchObject({
      status: 404,
      error: "processor not found",
      detail: "In use for devnet are structlog, transaction.",
    });
  });
});

describe("a list of blocks", () => {
  test("is queued as a whole, each block once, and what waited already is skipped", async () => {
    await post("/block/structlog/12");
    const { status, json } = await post("/blocks/structlog", {
      blocks: [12, 10, "10-11", 10],
      reason: "again",
    });
    expect(status).toBe(200);
    expect(json).toEqual({
      status: "queued",
      processor: "structlog",
      network: "devnet",
      queue: "gap-fill/devnet",
      paused: false,
      summary: { total: 3, queued: 2, skipped: 1, failed: 0 },
      results: [
        { block_number: 12, status: "skipped", tasks_created: 0 },
        { block_number: 10, status: "queued", tasks_created: 1 },
        { block_number: 11, status: "queued", tasks_created: 1 },
      ],
    });
  });

  test("is partly done where some lie above the head, and those are named", async () => {
    const { status, json } = await post("/blocks/structlog", { blocks: [20, 9000] });
    expect(status).toBe(207);
    expect(json).toMatchObject({
      status: "partial",
      summary: { total: 2, queued: 1, skipped: 0, failed: 1 },
      results: [
        { block_number: 20, status: "queued", tasks_created: 1 },
        {
          block_number: 9000,
          status: "failed",
          tasks_created: 0,
          error: "above the head of the chain (3000)",
        },
      ],
    });
    expect(await pending()).toMatchObject([{ fromBlock: 20, toBlock: 20 }]);
  });

  test("of which nothing can be done is refused with every reason", async () => {
    const { status, json } = await post("/blocks/structlog", { blocks: [9000, 9001] });
    expect(status).toBe(422);
    expect(json).toMatchObject({
      error: "block is above the head",
      summary: { total: 2, failed: 2 },
      results: [{ block_number: 9000 }, { block_number: 9001 }],
    });
  });

  test("takes 1,000 blocks, scattered ones too, and no more", async () => {
    const scattered = Array.from({ length: 1000 }, (_, index) => index * 2);
    expect((await post("/blocks/transaction", { blocks: scattered })).json).toMatchObject({
      summary: { total: 1000, queued: 1000 },
    });
    expect((await post("/blocks/transaction", { blocks: scattered })).json).toMatchObject({
      summary: { total: 1000, queued: 0, skipped: 1000 },
    });
    for (const blocks of [[...scattered, 1], ["0-1000"], ["0-500", "600:+501"]]) {
      const { status, json } = await post("/blocks/transaction", { blocks });
      expect(status).toBe(413);
      expect(json).toMatchObject({ error: "too many blocks (limit: 1000)" });
    }
  });

  test.each([
    ["not JSON", "{blocks", 400, "invalid request body"],
    ["an empty body", "", 400, "invalid request body"],
    ["no object", "[1]", 400, "invalid request body"],
    ["a negative number", '{"blocks":[-1]}', 400, "invalid request body"],
    ["a fraction", '{"blocks":[1.5]}', 400, "invalid request body"],
    ["a number beyond 2^53", '{"blocks":[9007199254740993]}', 400, "invalid request body"],
    ["a word", '{"blocks":["seven"]}', 400, "invalid request body"],
    ["no list", '{"blocks":7}', 400, "invalid request body"],
    ["a key that is not known", '{"blocks":[1],"block":2}', 400, "invalid request body"],
    ["a key that poisons", '{"blocks":[1],"__proto__":{"x":1}}', 400, "invalid request body"],
    ["an empty list", '{"blocks":[]}', 400, "no blocks provided"],
    ["null", '{"blocks":null}', 400, "no blocks provided"],
    ["no blocks", "{}", 400, "no blocks provided"],
  ])("with %s is refused and changes nothing", async (_, rawBody, status, error) => {
    const answer = await server.call("POST", "/api/v1/queue/blocks/structlog", {
      rawBody,
      headers: { "content-type": "application/json" },
    });
    expect(answer.json).toMatchObject({ status, error });
    expect(answer.status).toBe(status);
    expect(await isRunning(temporal, gapFill)).toBe(false);
  });

  test("an unknown processor is told before the body is looked at", async () => {
    const answer = await server.call("POST", "/api/v1/queue/blocks/nonsense", { rawBody: "{" });
    expect(answer.json).toMatchObject({ status: 404, error: "processor not found" });
  });

  test("asked for by many at once, each block is queued once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post("/blocks/structlog", { blocks: ["100-149"] })),
    );
    const queued = answers
      .map(({ json }) => json["summary"])
      .map((summary) => Object(summary).queued);
    expect(queued.toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 19 }, () => 0), 50]);
    expect(await pending()).toHaveLength(1);
  });

  test("150 calls at the same moment are all taken, and every block is queued once", async () => {
    const answers = await Promise.all(
      list(1000, 150).map((block) => post(`/block/structlog/${block}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.map(({ json }) => json["tasks_created"])).toEqual(answers.map(() => 1));
    const queued = (await pending()).map(({ fromBlock, toBlock }) => [fromBlock, toBlock]);
    expect(queued.toSorted(([a = 0], [b = 0]) => a - b)).toEqual(
      list(1000, 150).map((block) => [block, block]),
    );
  });

  test("a queue without room says so", async () => {
    await temporal.workflow.signalWithStart("gapFillWorkflow", {
      workflowId: gapFill,
      taskQueue: "blockloom",
      args: [
        {
          v: 1,
          network: "devnet",
          processors: ["structlog", "transaction"],
          scanIntervalMs: 60_000,
          batchBlocks: 10,
        },
      ],
      signal: "pause",
    });
    // Ranges that only touch stay apart: 4 x 1,250 of them are all that fit.
    for (const processor of ["structlog", "transaction"]) {
      for (const from of [0, 1]) {
        await post(`/blocks/${processor}`, { blocks: list(from, 1000) });
        await post(`/blocks/${processor}`, { blocks: list(from + 2000, 250) });
      }
    }
    const { status, json, headers } = await post("/blocks/transaction", {
      blocks: list(2500, 200),
    });
    expect(json).toMatchObject({ status: 429, error: "queue is full" });
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("30");
  });
});

test("reason and actor go with a requeue to the ledger, and every change is logged", async () => {
  env.fake().openGate();
  await post("/blocks/structlog", { blocks: [30, 31], reason: "looks short" });
  const story = await waitUntil(
    async () => {
      const { json } = await server.call("GET", "/api/v1/blocks/31");
      const told = json["story"];
      return Array.isArray(told) && told.length > 0 && told;
    },
    { what: "the ledger to know block 31" },
  );
  expect(story).toMatchObject([{ reason: "looks short", actor: "api", status: "complete" }]);
  expect(server.lines.filter(({ message }) => message === "Queued blocks").at(-1)).toMatchObject({
    level: "info",
    meta: {
      actor: "api",
      network: "devnet",
      processor: "structlog",
      blocks: "30,31",
      queued: 2,
      reason: "looks short",
      requestId: expect.any(String),
    },
  });
});
