import { get as httpGet } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import { startAnvil } from "../../support/anvil.ts";
import { openApi } from "../../unit/server/open-api.ts";
import { type ClientEnv, handmadeLedger, startClientEnv } from "../client/client-env.ts";
import { hashOf, startTestServer, type TestServer } from "./server-env.ts";

let env: ClientEnv;
let anvil: Awaited<ReturnType<typeof startAnvil>>;
/** For callers of this machine, and for callers with a token. */
let local: TestServer;
let guarded: TestServer;

beforeAll(async () => {
  anvil = await startAnvil();
  env = await startClientEnv({ rpcUrl: anvil.url });
  await env.startWorkers();
  local = await startTestServer(env.variables);
  guarded = await startTestServer({
    ...env.variables,
    API_ADDRESS: "0.0.0.0:0",
    API_TOKENS: `reader:read:${hashOf("r")},writer:queue:${hashOf("w")}`,
    API_RATE_LIMIT: "40",
  });
  const ranges = createRangeStore(env.clickhouse.client);
  await ranges.write(
    (["structlog", "transaction"] as const).map((processor) => ({
      network: "devnet",
      processor,
      fromBlock: 10,
      toBlock: 19,
      origin: "backfill" as const,
      workflowId: "backfill/devnet/10-19",
      state: "done" as const,
    })),
  );
  const ledger = createLedger(env.clickhouse.client);
  await ledger.write(handmadeLedger([10, 11, 12, 13, 14, 15, 16, 17, 18]));
});
afterAll(async () => {
  await local?.stop();
  await guarded?.stop();
  await env?.stop();
  await anvil?.stop();
});

describe("reading", () => {
  test("coverage says what the command says", async () => {
    const { status, json } = await local.call("GET", "/api/v1/coverage?from=10&to=19");
    expect(status).toBe(200);
    expect(json).toEqual((await env.client("coverage --from 10 --to 19 --json")).json);
    expect(json).toMatchObject({ network: "devnet", proven: false });
    const part = await local.call("GET", "/api/v1/coverage?from=10&to=18");
    expect(part.json).toMatchObject({ proven: true, processors: [{ blocks: { proven: 9 } }, {}] });
    const whole = await local.call("GET", "/api/v1/coverage?verify=true");
    expect(whole.json).toMatchObject({ processors: [{ lastRecountAt: expect.any(String) }, {}] });
  });

  test("status says what the command says", async () => {
    await env.client("gap-fill start");
    const { status, json } = await local.call("GET", "/api/v1/status");
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["jobs", "workers", "staking"]);
    expect(json["workers"]).toHaveLength(4);
    expect((await local.call("GET", "/api/v1/status?network=devnet")).status).toBe(200);
  });

  test("a block comes with its rows and its life", async () => {
    const { status, json } = await local.call("GET", "/api/v1/blocks/12");
    expect(status).toBe(200);
    expect(json).toMatchObject({
      network: "devnet",
      blockNumber: 12,
      rows: [
        { processor: "structlog", status: "complete", proof: "proven" },
        { processor: "transaction", status: "complete" },
      ],
      story: [{ updatedAt: expect.any(String) }, {}],
    });
  });

  test.each([
    ["/api/v1/coverage?from=2&to=1", 400, "invalid-blocks"],
    ["/api/v1/coverage?from=x", 400, "invalid-blocks"],
    ["/api/v1/coverage?form=1", 400, "bad-request"],
    ["/api/v1/coverage?from=1&from=2", 400, "bad-request"],
    ["/api/v1/coverage?verify=yes", 400, "bad-request"],
    ["/api/v1/status?network=other", 404, "unknown-network"],
    ["/api/v1/blocks/12?network=", 404, "unknown-network"],
    ["/api/v1/blocks/99", 404, "unknown-block"],
    ["/api/v1/blocks/18446744073709551615", 404, "unknown-block"],
    ["/api/v1/blocks/x", 400, "invalid-blocks"],
    ["/api/v1/blocks/%zz", 400, "bad-request"],
    ["/api/v2", 404, "not-found"],
  ])("GET %s is a %i problem", async (path, status, kind) => {
    const answer = await local.call("GET", path);
    expect(answer.json).toMatchObject({
      type: `urn:blockloom:problem:${kind}`,
      status,
      title: expect.any(String),
      fix: expect.any(String),
      requestId: expect.any(String),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
  });

  test("a wrong method is told which ones there are", async () => {
    const answer = await local.call("GET", "/api/v1/queue/blocks/structlog");
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
    const other = await local.call("DELETE", "/api/v1/blocks/1");
    expect(other.headers.get("allow")).toBe("GET, HEAD");
  });

  test("bodies are JSON and small", async () => {
    const path = "/api/v1/queue/blocks/structlog";
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await local.call("POST", path, { rawBody: "a=b", headers: form })).status).toBe(415);
    const big = await local.call("POST", path, { rawBody: `"${"x".repeat(300_000)}"` });
    expect(big.json).toMatchObject({ status: 413, type: "urn:blockloom:problem:body-too-large" });
  });
});

/** fetch sets Host and Origin itself. */
const statusOf = (headers: Record<string, string>) =>
  new Promise<number | undefined>((resolve, reject) => {
    httpGet(`${local.url}/api/v1/status`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });

describe("access", () => {
  test.each([
    ["/api/v1/status", "GET"],
    ["/api/v1/coverage", "GET"],
    ["/api/v1/blocks/12", "GET"],
    ["/api/v1/queue/block/structlog/0", "POST"],
    ["/api/v1/queue/blocks/structlog", "POST"],
  ])("%s needs a token with its scope", async (path, method) => {
    const right = method === "GET" ? "r" : "w";
    const wrong = method === "GET" ? "w" : "r";
    const body = method === "GET" ? {} : { body: { blocks: [0] } };
    const none = await guarded.call(method, path, body);
    expect(none.status).toBe(401);
    expect(none.headers.get("www-authenticate")).toContain("Bearer");
    expect((await guarded.call(method, path, { ...body, token: "x" })).status).toBe(401);
    const other = await guarded.call(method, path, { ...body, token: wrong });
    expect(other.status).toBe(403);
    expect(other.json["detail"]).toContain("lacks the scope");
    expect((await guarded.call(method, path, { ...body, token: right })).status).toBe(200);
  });

  test("a token's name is the actor of what it does", async () => {
    const queued = guarded.lines.filter(({ message }) => message === "Queued blocks");
    expect(queued).toMatchObject([
      { meta: { actor: "api:writer" } },
      { meta: { actor: "api:writer" } },
    ]);
    expect(JSON.stringify(guarded.lines)).not.toMatch(/Bearer|"r"|"w"/);
  });

  test("health and docs need none", async () => {
    for (const path of ["/health/live", "/health/ready", "/api/docs"]) {
      expect((await guarded.call("GET", path)).status).toBe(200);
    }
  });

  test("a caller who asks too often is told when to come back, others are not held up", async () => {
    const ask = () => guarded.call("GET", "/api/v1/blocks/12", { token: "r" });
    let last = await ask();
    // A minute may begin in between, and the count with it.
    for (let count = 0; count < 200 && last.status === 200; count += 1) last = await ask();
    expect(last.json).toMatchObject({ status: 429, type: "urn:blockloom:problem:rate-limit" });
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    const other = await guarded.call("POST", "/api/v1/queue/block/structlog/0", { token: "w" });
    expect(other.status).toBe(200);
    expect((await guarded.call("GET", "/health/ready")).status).toBe(200);
  });

  test("without tokens a name that only points here gets nothing, nor does another page", async () => {
    expect(await statusOf({ host: "evil.example" })).toBe(403);
    expect(await statusOf({ origin: "https://evil.example" })).toBe(403);
    expect(await statusOf({ host: "localhost:1" })).toBe(200);
  });

  test("no answer lets other pages read it", async () => {
    const { headers } = await local.call("GET", "/health/live");
    expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(headers.get("cache-control")).toBe("no-store");
  });
});

describe("the OpenAPI document", () => {
  test.each([
    ["GET", "/api/v1/status", "/api/v1/status"],
    ["GET", "/api/v1/coverage?from=10&to=19", "/api/v1/coverage"],
    ["GET", "/api/v1/blocks/12", "/api/v1/blocks/{block_number}"],
    ["POST", "/api/v1/queue/block/structlog/0", "/api/v1/queue/block/{processor}/{block_number}"],
    ["POST", "/api/v1/queue/blocks/structlog", "/api/v1/queue/blocks/{processor}"],
    ["GET", "/health/live", "/health/live"],
    ["GET", "/health/ready", "/health/ready"],
  ])("describes what %s %s really answers", async (method, target, path) => {
    const { paths } = openApi.parse((await local.call("GET", "/api/docs")).json);
    const body = target.includes("/blocks/structlog") ? { body: { blocks: [0, 7] } } : {};
    const { status, json } = await local.call(method, target, body);
    const described = paths[path]?.[method === "GET" ? "get" : "post"]?.responses[status];
    const schema = described?.content["application/json"]?.schema;
    expect(schema, `${method} ${path} ${status}`).toBeDefined();
    expect(() => z.fromJSONSchema({ ...schema }).parse(json)).not.toThrow();
  });
});
