import { Client, Connection } from "@temporalio/client";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callNode } from "../../../src/dev/json-rpc.ts";
import type { RequeuedRange } from "../../../src/workflows/gap-fill-shapes.ts";
import { startAnvil } from "../../support/anvil.ts";
import { type ClientEnv, startClientEnv } from "../client/client-env.ts";
import { isRunning } from "../client/end-jobs.ts";
import { type RawAnswer, sendRaw, toBytes } from "./raw-request.ts";
import { hashOf, startTestServer, type TestServer } from "./server-env.ts";

/** More by hand: FUZZ_REQUESTS=10000 FUZZ_SEED=7 npx vitest run test/integration/server/fuzz.test.ts */
const requests = Number(process.env["FUZZ_REQUESTS"] ?? 400);
const seed = Number(process.env["FUZZ_SEED"] ?? 1);
const timeoutMs = 240_000 + requests * 60;

let env: ClientEnv;
let anvil: Awaited<ReturnType<typeof startAnvil>>;
let temporal: Client;
let server: TestServer;

beforeAll(async () => {
  anvil = await startAnvil();
  await callNode(anvil.url, "anvil_mine", [2000]);
  env = await startClientEnv({ rpcUrl: anvil.url });
  env.fake().closeGate();
  const connection = await Connection.connect({ address: env.temporal.address });
  temporal = new Client({ connection });
  await env.startWorkers();
  server = await startTestServer({
    ...env.variables,
    API_TOKENS: `reader:read:${hashOf("r")},writer:queue+read:${hashOf("w")}`,
  });
});
afterAll(async () => {
  env?.fake().openGate();
  await server?.stop();
  await temporal?.connection.close();
  await env?.stop();
  await anvil?.stop();
});

const method = fc.oneof(
  { weight: 4, arbitrary: fc.constant("POST") },
  fc.constantFrom("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY"),
  fc.stringMatching(/^[A-Z]{1,10}$/),
);
const odd = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "%",
    "%00",
    "%zz",
    "..",
    "__proto__",
    "constructor",
    "-1",
    "1e3",
    "a".repeat(300),
  ),
);
const processor = fc.oneof(
  fc.constantFrom("structlog", "transaction", "transaction_simple", "structlog_agg"),
  odd,
);
const number = fc.oneof(fc.nat(2500).map(String), fc.bigInt({ min: 0n }).map(String), odd);
const path = fc.oneof(
  fc.tuple(processor, number).map(([p, n]) => `/api/v1/queue/block/${p}/${n}`),
  processor.map((p) => `/api/v1/queue/blocks/${p}`),
  number.map((n) => `/api/v1/blocks/${n}`),
  fc.constantFrom(
    "/api/v1/status",
    "/api/v1/coverage",
    "/health/live",
    "/api/docs",
    "/",
    "*",
    "//",
  ),
  fc.webPath(),
  odd.map((text) => `/${text}`),
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  fc.webQueryParameters().map((text) => `?${text}`),
  fc
    .tuple(fc.constantFrom("network", "from", "to", "verify", "reason", "network[]"), odd)
    .map(([key, value]) => `?${key}=${value}`),
  fc.tuple(number, number).map(([from, to]) => `?from=${from}&to=${to}`),
);
const block = fc.oneof(
  fc.nat(2500),
  fc.tuple(fc.nat(2500), fc.nat(50)).map(([from, more]) => `${from}-${from + more}`),
  fc.double(),
  odd,
  fc.jsonValue(),
);
const body = fc.oneof(
  fc.constant(""),
  fc
    .record({ blocks: fc.array(fc.oneof(fc.nat(2500), block)) })
    .map((value) => JSON.stringify(value)),
  fc
    .record({ blocks: fc.array(fc.nat(2500), { maxLength: 2000, size: "max" }) })
    .map((value) => JSON.stringify(value)),
  fc
    .record(
      { blocks: fc.jsonValue(), reason: fc.jsonValue(), x: fc.jsonValue() },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
  fc.json(),
  odd,
  fc.nat(400_000).map((length) => `"${"x".repeat(length)}"`),
);
const headers = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ "content-type": "application/json" }) },
  fc.dictionary(fc.stringMatching(/^[a-z-]{1,12}$/), fc.string(), { maxKeys: 3 }),
  fc.constantFrom<Record<string, string>>(
    { "content-type": "application/json; charset=utf-16" },
    { "content-type": "text/plain" },
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "multipart/form-data; boundary=x" },
    { "transfer-encoding": "chunked" },
    { "content-encoding": "gzip", "content-type": "application/json" },
    { "content-length": "-1" },
    { "content-length": "99999999999" },
    { host: "" },
    { expect: "200-nothing" },
    { upgrade: "websocket", connection: "upgrade" },
    { cookie: "x".repeat(20_000) },
  ),
);
const anyRequest = fc.record({
  method,
  path: fc.tuple(path, query).map((all) => all.join("")),
  headers,
  body,
});
const used = fc.constantFrom("structlog", "transaction", "transaction_simple");
const json = { "content-type": "application/json" };
/** Often right, so that the queue is really reached. */
const likelyRequest = fc.oneof(
  fc.record({
    method: fc.constant("POST"),
    path: fc.tuple(used, fc.nat(2500)).map(([p, n]) => `/api/v1/queue/block/${p}/${n}`),
    headers: fc.constant({}),
    body: fc.constant(""),
  }),
  fc.record({
    method: fc.constant("POST"),
    path: used.map((p) => `/api/v1/queue/blocks/${p}`),
    headers: fc.constant(json),
    body: fc
      .record({
        blocks: fc.array(
          fc.oneof(
            { weight: 9, arbitrary: fc.nat(2200) },
            fc.tuple(fc.nat(2200), fc.nat(50)).map(([from, more]) => `${from}-${from + more}`),
          ),
          { maxLength: 20 },
        ),
      })
      .map((value) => JSON.stringify(value)),
  }),
);
const request: fc.Arbitrary<Parameters<typeof toBytes>[0]> = fc.oneof(
  { weight: 9, arbitrary: anyRequest },
  { weight: 1, arbitrary: likelyRequest },
);

const withoutControl = (text: string) => text.replaceAll(/[\0-\x20\x7f-\uffff]/g, "~");

async function send(
  { path: target, ...rest }: Parameters<typeof toBytes>[0],
  authorization: string,
): Promise<RawAnswer> {
  const all = {
    ...rest,
    path: withoutControl(target),
    headers: { authorization, ...rest.headers },
  };
  // A length that promises more than is sent is a client that dies.
  return sendRaw(server.address, toBytes(all), { isCut: needsCut(rest.headers) });
}

function needsCut(sent: Readonly<Record<string, string>>): boolean {
  return ["content-length", "transfer-encoding", "connection", "expect"].some(
    (name) => name in sent,
  );
}

function problemOf({ status, head, body: text }: RawAnswer): string | null {
  if (status === null) return null;
  if (status >= 500) return `${status}: ${text.slice(0, 300)}`;
  if (/\n\s+at |node_modules|\.ts:\d/.test(text)) return `a stack trace: ${text.slice(0, 300)}`;
  if (status >= 400 && !head.includes("application/problem+json")) return `no problem: ${head}`;
  return null;
}

const runs = (numRuns: number) => ({ numRuns, seed, endOnFailure: true });

test(
  "whatever callers without the scope send, nothing is changed and nothing breaks",
  async () => {
    const authorization = fc.constantFrom("Bearer r", "Bearer x", "Basic dzp3", "");
    await fc.assert(
      fc.asyncProperty(request, authorization, async (sent, token) => {
        expect(problemOf(await send(sent, token))).toBeNull();
      }),
      runs(requests),
    );
    expect(await isRunning(temporal, "gap-fill/devnet")).toBe(false);
    expect((await temporal.workflow.count()).count).toBe(0);
    expect(server.lines.filter(({ message }) => message === "Queued blocks")).toEqual([]);
  },
  timeoutMs,
);

test(
  "whatever a caller with the scope sends, only what an answer says is queued",
  async () => {
    const statuses = new Map<number | null, number>();
    const queued = new Set<string>();
    const say = (name: string, blockNumber: number) =>
      queued.add(`${name === "transaction_simple" ? "transaction" : name} ${blockNumber}`);
    await fc.assert(
      fc.asyncProperty(request, async (sent) => {
        const answer = await send(sent, "Bearer w");
        expect(problemOf(answer)).toBeNull();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (sent.method !== "POST" || (answer.status !== 200 && answer.status !== 207)) return;
        const said = JSON.parse(answer.body);
        if (said.block_number !== undefined) say(said.processor, said.block_number);
        for (const { status, block_number } of said.results ?? []) {
          if (status !== "failed") say(said.processor, block_number);
        }
      }),
      runs(requests),
    );
    console.log(`fuzz, seed ${seed}: ${JSON.stringify(Object.fromEntries(statuses))}`);
    const pending = await temporal.workflow
      .getHandle("gap-fill/devnet")
      .query<RequeuedRange[]>("pending");
    const found = pending.flatMap(({ fromBlock, toBlock, processors: [name] }) =>
      Array.from({ length: toBlock - fromBlock + 1 }, (_, index) => `${name} ${fromBlock + index}`),
    );
    expect(new Set(found)).toEqual(queued);
    expect(found).toHaveLength(queued.size);
    expect(statuses.get(200) ?? 0).toBeGreaterThan(0);
  },
  timeoutMs,
);

test(
  "bytes that are no request get an answer of 4xx or none",
  async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      fc.tuple(request, fc.nat(400)).map(([sent, length]) => {
        const whole = toBytes({ ...sent, path: withoutControl(sent.path) });
        return whole.subarray(0, Math.min(length, whole.length - 1));
      }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const { status } = await sendRaw(server.address, sent, { isCut: true });
        expect(status === null || (status >= 200 && status < 500)).toBe(true);
      }),
      runs(Math.ceil(requests / 4)),
    );
    expect((await server.call("GET", "/health/ready")).status).toBe(200);
  },
  timeoutMs,
);
