import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startEmbeddedServer } from "../../../src/clickhouse/embedded/start.ts";
import { migrate } from "../../../src/clickhouse/migrate.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { startAnvil } from "../../support/anvil.ts";
import { startTestTemporal } from "../../support/temporal.ts";

let folder: string;
let stops: (() => Promise<void>)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-server-"));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  await rm(folder, { recursive: true, force: true });
});

const network = { NETWORK: "demo", RPC_URL: "http://127.0.0.1:1/?key=s3cret" };

function startServer(env: Record<string, string>): RunningProcess {
  const server = startProcess({
    name: "server",
    command: process.execPath,
    args: ["--import", "tsx", "src/server.ts"],
    env: { API_ADDRESS: "127.0.0.1:0", ...env },
    logFile: join(folder, "server.log"),
  });
  stops.push(() => server.stop());
  return server;
}

async function waitForLine(server: RunningProcess, text: string): Promise<void> {
  await waitUntil(() => server.output().includes(text), {
    what: `"${text}"`,
    process: server,
  });
}

const kindOf = (kind: string) => ({
  status: 503,
  retryAfter: "5",
  json: { type: `urn:blockloom:problem:${kind}`, fix: expect.any(String) },
});

test("it refuses to listen wider than this machine without tokens, and says the fix", async () => {
  const server = startServer({ ...network, API_ADDRESS: "0.0.0.0:8300" });
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.output()).toMatchInlineSnapshot(`
    "The API would listen to everybody, and no token is set.
      API_ADDRESS: 0.0.0.0:8300
      Fix: set API_TOKENS or API_TOKENS_FILE (docs/api.md makes a token), or listen on 127.0.0.1.
    "
  `);
});

test("a port that is taken is told so", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  stops.push(async () => void other.close());
  await waitUntil(() => other.listening, { what: "a listener" });
  const address = other.address();
  const port = typeof address === "object" ? address?.port : 0;
  const server = startServer({ ...network, API_ADDRESS: `127.0.0.1:${port}` });
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.output()).toContain("The API cannot listen.");
  expect(server.output()).toContain(`API_ADDRESS: 127.0.0.1:${port}`);
  expect(server.output()).toContain("something listens there already");
});

test("it answers at once, says what is away, goes on when it comes or comes back, and stops cleanly", async () => {
  const [clickhousePort, temporalPort, apiPort] = [
    await getPort(),
    await getPort(),
    await getPort(),
  ];
  const anvil = await startAnvil();
  stops.push(() => anvil.stop());
  const server = startServer({
    NETWORK: "demo",
    RPC_URL: `${anvil.url}/?key=s3cret`,
    CLICKHOUSE_URL: `http://127.0.0.1:${clickhousePort}`,
    CLICKHOUSE_PASSWORD: "s3cret",
    TEMPORAL_ADDRESS: `127.0.0.1:${temporalPort}`,
    API_ADDRESS: `127.0.0.1:${apiPort}`,
  });
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${apiPort}${path}`, { method });
    const json: unknown = await response.json();
    return { status: response.status, json, retryAfter: response.headers.get("retry-after") };
  };

  await waitForLine(server, "Waiting for Temporal");
  expect(await ask("/health/live")).toMatchObject({ status: 200 });
  expect(await ask("/health/ready")).toMatchObject({
    status: 503,
    json: { detail: "Away: temporal, clickhouse.", away: ["temporal", "clickhouse"] },
  });
  expect(await ask("/api/v1/status")).toMatchObject(kindOf("temporal-unavailable"));
  expect(await ask("/api/v1/coverage")).toMatchObject(kindOf("storage-unavailable"));
  expect(await ask("/api/v1/blocks/1")).toMatchObject(kindOf("storage-unavailable"));
  const path = "/api/v1/queue/block/structlog/0";
  expect(await ask(path, "POST")).toMatchObject(kindOf("temporal-unavailable"));

  const temporal = await startTestTemporal({ port: temporalPort });
  stops.push(() => temporal.stop());
  await waitForLine(server, "Waiting for ClickHouse");
  const dataDir = join(folder, "data");
  const clickhouse = await startEmbeddedServer({ dataDir, port: clickhousePort });
  stops.push(() => clickhouse.stop());
  await waitForLine(server, "Waiting for the schema");
  // A look that takes more than two seconds says "away".
  await expect.poll(() => ask("/api/v1/coverage")).toMatchObject(kindOf("schema-mismatch"));
  await migrate({ url: clickhouse.url, database: "blockloom" });
  await waitForLine(server, "Server is ready");
  const untilAnswer = (of: string, method?: string) => expect.poll(() => ask(of, method));
  await untilAnswer("/health/ready").toMatchObject({ status: 200, json: { status: "ready" } });
  await untilAnswer("/api/v1/coverage").toMatchObject({ status: 200, json: { proven: false } });
  await untilAnswer("/api/v1/status").toMatchObject({ status: 200, json: { jobs: [] } });
  await untilAnswer(path, "POST").toMatchObject(kindOf("no-worker"));

  await temporal.kill();
  await waitUntil(async () => (await ask("/health/ready")).status === 503, {
    what: "the server to see that Temporal is away",
  });
  expect(await ask("/api/v1/status")).toMatchObject(kindOf("temporal-unavailable"));
  await temporal.restart();
  await waitUntil(async () => (await ask("/health/ready")).status === 200, {
    what: "the server to find Temporal again",
  });
  await anvil.stop();
  expect(await ask(path, "POST")).toMatchObject({
    status: 502,
    json: { error: "failed to fetch block from execution node", block_number: "0" },
  });

  await server.stop(60_000);
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(server.output()).toContain("Server has stopped");
  expect(server.output()).not.toContain("s3cret");
});

test("with the staking service alone it starts too, on PORT", async () => {
  const port = await getPort();
  const server = startServer({
    API_ADDRESS: "",
    PORT: String(port),
    CHAIN_RPC_URL: "http://127.0.0.1:1/?key=s3cret",
    STAKING_ADDRESS: `0x${"1".repeat(40)}`,
    STAKING_SIGNER_ADDRESS: `0x${"2".repeat(40)}`,
    STAKING_CODEC_KEYS: `k:${Buffer.alloc(32).toString("base64")}`,
    TEMPORAL_ADDRESS: "127.0.0.1:1",
    CLICKHOUSE_URL: "http://127.0.0.1:1",
  });
  await waitForLine(server, "Server listens");
  const url = `http://127.0.0.1:${port}`;
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  const status = await fetch(`${url}/api/v1/stake/0x${"1".repeat(64)}`);
  expect(status.status).toBe(502);
  expect(await (await fetch(`${url}/api/monitor/readiness`)).json()).toMatchObject({
    balance: "error - processor balance is unknown, no node answers",
  });
  expect(server.output()).not.toContain("s3cret");
});

test("without a network and the staking service it says what to set", async () => {
  const server = startServer({});
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.output()).toContain("No network and no staking service is configured.");
});
