import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadConfig } from "../../../src/config/load-config.ts";
import { newCodecKey, stakingEnv } from "../../../src/dev/staking/staking-env.ts";
import { openBackends } from "../../../src/server/backends.ts";
import { createServer } from "../../../src/server/create-server.ts";
import { openStaking } from "../../../src/server/staking/open-staking.ts";
import { openApi } from "./open-api.ts";

type Document = ReturnType<typeof openApi.parse>;

const silent = () => {};
const closers: (() => Promise<unknown>)[] = [];

async function createApp(env: Readonly<Record<string, string>>) {
  const config = loadConfig({ env, cwd: "/nonexistent" });
  const backends = openBackends(config);
  const logger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent };
  const app = await createServer({
    config,
    tokens: [],
    backends,
    staking: await openStaking(config, backends),
    logger: { ...logger, log: silent },
    version: "test",
    linkTo: () => null,
  });
  closers.push(
    () => app.close(),
    () => backends.close(),
  );
  return app;
}

const indexing = { NETWORK: "n", RPC_URL: "http://n" };
const staking = stakingEnv({
  rpcUrl: "http://n",
  stakingAddress: `0x${"1".repeat(40)}`,
  signer: `0x${"2".repeat(40)}`,
  codecKey: newCodecKey(),
});

let app: Awaited<ReturnType<typeof createServer>>;
beforeAll(async () => {
  app = await createApp(indexing);
});
afterAll(async () => {
  for (const close of closers) await close();
});

const read = (accept = "*/*") =>
  app.inject({ url: "/api/docs", headers: { host: "localhost", accept } });

const readDocument = async () => openApi.parse((await read()).json());

/** What OpenAPI's own schema and JSON Schema say against a document; the former does not look into schemas. */
async function lint(
  document: Pick<Document, "components"> & Record<string, unknown>,
): Promise<unknown[]> {
  const { errors } = await new Validator().validate(structuredClone(document));
  const text = JSON.stringify(document.components.schemas);
  const $defs = z.record(z.string(), z.looseObject({})).parse(inDefs(text));
  const broken = Object.keys($defs).flatMap((name) => {
    try {
      z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs });
      return [];
    } catch (error) {
      return [`${name}: ${String(error)}`];
    }
  });
  return errors === undefined ? broken : [errors, ...broken];
}

const inDefs = (schemas: string): unknown =>
  JSON.parse(schemas.replaceAll("#/components/schemas/", "#/$defs/"));

async function documentOf(env: Readonly<Record<string, string>>): Promise<Document> {
  const other = await createApp(env);
  const answer = await other.inject({ url: "/api/docs", headers: { host: "localhost" } });
  const document = openApi.parse(answer.json());
  expect(await lint(document)).toEqual([]);
  return document;
}

async function routesOf(env: Readonly<Record<string, string>>): Promise<string[]> {
  const document = await documentOf(env);
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

describe("the OpenAPI document", () => {
  test("is one of OpenAPI 3.1 and names every route", async () => {
    const { paths } = await readDocument();
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const registered = app.printRoutes({ commonPrefix: false }).match(/\((?:GET|POST)/g);
    expect(documented.toSorted()).toMatchInlineSnapshot(`
      [
        "GET /api/docs",
        "GET /api/v1/blocks/{block_number}",
        "GET /api/v1/coverage",
        "GET /api/v1/status",
        "GET /health/live",
        "GET /health/ready",
        "POST /api/v1/queue/block/{processor}/{block_number}",
        "POST /api/v1/queue/blocks/{processor}",
      ]
    `);
    expect(registered).toHaveLength(documented.length);
  });

  test("passes the lint, which a broken answer or schema does not", async () => {
    const document = await readDocument();
    expect(await lint(document)).toEqual([]);
    const { components, paths } = document;
    const withProblem = (schema: object) => ({
      ...document,
      components: { ...components, schemas: { ...components.schemas, Problem: { ...schema } } },
    });
    expect(await lint(withProblem({ type: "no type" }))).not.toEqual([]);
    expect(await lint(withProblem({ $ref: "#/components/schemas/Nowhere" }))).not.toEqual([]);
    const status = paths["/api/v1/status"]?.get;
    const undescribed = { ...status, responses: { 200: { content: {} } } };
    const withStatus = { ...paths, "/api/v1/status": { get: undescribed } };
    expect(await lint({ ...document, paths: withStatus })).not.toEqual([]);
  });

  test("declares each part of a path, and ids and references that lead somewhere", async () => {
    const document = await readDocument();
    const operations = Object.entries(document.paths).flatMap(([path, of]) =>
      Object.values(of).map((one) => ({ path, ...one })),
    );
    for (const { path, parameters = [] } of operations) {
      const inPath = parameters.filter((one) => one.in === "path").map(({ name }) => name);
      expect([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)).toEqual(inPath);
    }
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)];
    const known = Object.keys(document.components.schemas).map((n) => `#/components/schemas/${n}`);
    expect(references.length).toBeGreaterThan(5);
    expect(known).toEqual(expect.arrayContaining(references.map(([, target]) => target)));
  });

  test("names the staking service's routes where there is one, with or without a network", async () => {
    const known = Object.keys((await readDocument()).paths);
    const all = await routesOf({ ...indexing, ...staking });
    expect(
      all.filter((route) => !known.includes(route.split(" ")[1] ?? "")).toSorted(),
    ).toMatchInlineSnapshot(`
      [
        "GET /api/monitor",
        "GET /api/monitor/liveness",
        "GET /api/monitor/readiness",
        "GET /api/v1/stake/{id}",
        "POST /api/v1/restake",
        "POST /api/v1/stake",
        "POST /api/v1/stake/{id}/cancel",
        "POST /codec/decode",
      ]
    `);
    expect(await routesOf(staking)).toEqual(all);
  });

  test.each([
    ["indexes only", indexing, false],
    ["also stakes", { ...indexing, ...staking }, true],
  ])("of a process that %s says so, and explains each tag that it uses", async (_, env, stakes) => {
    const { info, tags, paths } = await documentOf(env);
    expect(info.description).toContain("Requeues blocks");
    expect(info.description.includes("staking")).toBe(stakes);
    const used = Object.values(paths).flatMap((operations) =>
      Object.values(operations).flatMap((operation) => operation.tags),
    );
    expect(new Set(tags.map(({ name }) => name))).toEqual(new Set(used));
    expect(used.includes("stake")).toBe(stakes);
  });

  test("is a page for a browser", async () => {
    const { body, headers } = await read("text/html,*/*");
    expect(headers["content-type"]).toContain("text/html");
    expect(body).toContain("/api/v1/queue/blocks/{processor}");
  });
});
