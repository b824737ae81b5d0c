import { defaultPayloadConverter, type Payload } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newCodecKey, stakingEnv } from "../../../src/dev/staking/staking-env.ts";
import { createPayloadCodec } from "../../../src/temporal/payload-codec.ts";
import { hashOf, startTestServer, type TestServer } from "./server-env.ts";

const uiOrigin = "http://127.0.0.1:8233";
const codecKey = newCodecKey("k1");
const [id = "", key = ""] = codecKey.split(":");
const env = {
  ...stakingEnv({
    rpcUrl: "http://127.0.0.1:1",
    stakingAddress: `0x${"1".repeat(40)}`,
    signer: `0x${"2".repeat(40)}`,
    codecKey,
  }),
  TEMPORAL_UI_URL: uiOrigin,
};
const secret = { signature: `0x${"5e".repeat(65)}` };

let server: TestServer;
let guarded: TestServer;
beforeAll(async () => {
  server = await startTestServer(env);
  guarded = await startTestServer({
    ...env,
    API_TOKENS: [
      `ui:codec:${hashOf("u")}`,
      `desk:read+queue+stake:${hashOf("d")}`,
      `reader:read:${hashOf("r")}`,
    ].join(","),
  });
});
afterAll(async () => {
  await Promise.all([server.stop(), guarded.stop()]);
});

async function encrypted(): Promise<object> {
  const plain = defaultPayloadConverter.toPayload(secret);
  const [payload = {}] = await createPayloadCodec([{ id, key }]).encode([plain]);
  return toJson(payload);
}

const toBase64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

function toJson({ metadata, data }: Payload) {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)]),
    ),
    data: toBase64(data ?? new Uint8Array()),
  };
}

type Options = Parameters<TestServer["call"]>[2];
const decode = (options: Options = {}, by: TestServer = server) =>
  by.call("POST", "/codec/decode", options);
const ask = async (options: Options = {}, by?: TestServer) =>
  decode({ body: { payloads: [await encrypted()] }, ...options }, by);

const preflight = (origin: string, by = server) =>
  by.call("OPTIONS", "/codec/decode", {
    headers: { origin, "access-control-request-method": "POST" },
  });

describe("payloads for Temporal's UI", () => {
  test("are decrypted by its protocol, in their order; those of another encoding pass", async () => {
    const plain = toJson(defaultPayloadConverter.toPayload("in clear"));
    const { status, json } = await decode({
      body: { payloads: [plain, await encrypted()] },
      headers: { "x-namespace": "default" },
    });
    expect(status).toBe(200);
    const expected = [plain, toJson(defaultPayloadConverter.toPayload(secret))];
    expect(json).toEqual({ payloads: expected });
  });

  test("may be shown by the UI's page, and by no other", async () => {
    const own = await ask({ headers: { origin: uiOrigin, "sec-fetch-site": "same-site" } });
    expect(own.status).toBe(200);
    expect(own.headers.get("access-control-allow-origin")).toBe(uiOrigin);
    expect(own.headers.get("vary")).toBe("Origin");
    for (const origin of ["http://evil.example", "null", `${uiOrigin}.evil.example`]) {
      const other = await ask({ headers: { origin } });
      expect(other.status, origin).toBe(403);
      expect(other.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("are asked for by a browser first, which hears who may", async () => {
    for (const by of [server, guarded]) {
      const { status, headers } = await preflight(uiOrigin, by);
      expect(status).toBe(204);
      expect(headers.get("access-control-allow-origin")).toBe(uiOrigin);
      expect(headers.get("access-control-allow-methods")).toBe("POST");
      expect(headers.get("access-control-allow-headers")).toContain("x-namespace");
      expect(headers.get("access-control-allow-headers")).toContain("authorization");
    }
    const foreign = await preflight("http://evil.example", guarded);
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("open no other door to the UI's page", async () => {
    const answer = await server.call("GET", "/api/v1/status", { headers: { origin: uiOrigin } });
    expect(answer.status).toBe(403);
    expect(answer.json["type"]).toBe("urn:blockloom:problem:foreign-origin");
  });

  test("need a token with the scope codec where there are tokens; the scope stake is not enough", async () => {
    expect((await ask({}, guarded)).status).toBe(401);
    expect((await ask({ token: "r" }, guarded)).status).toBe(403);
    const refused = await ask({ token: "d" }, guarded);
    expect(refused.status).toBe(403);
    expect(refused.json["detail"]).toBe('The token "desk" lacks the scope "codec".');
    expect(refused.json["fix"]).toContain("desk:stake+codec:HASH");
    expect(refused.json["fix"]).toContain("the scope stake alone decrypts nothing");
    const allowed = await ask({ token: "u", headers: { origin: uiOrigin } }, guarded);
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(uiOrigin);
    const line = guarded.lines.find(({ message }) => message === "Decoded payloads");
    expect(line?.meta).toMatchObject({ actor: "api:ui", payloads: 1 });
  });

  test("are all that the scope codec opens", async () => {
    for (const [method, path] of [
      ["POST", "/api/v1/stake"],
      ["GET", `/api/v1/stake/0x${"1".repeat(64)}`],
      ["GET", "/api/v1/status"],
    ] as const) {
      expect((await guarded.call(method, path, { token: "u" })).status, path).toBe(403);
    }
  });

  test("are never encrypted here", async () => {
    expect((await server.call("POST", "/codec/encode", { body: { payloads: [] } })).status).toBe(
      404,
    );
  });

  test.each([
    ["no JSON", { rawBody: "{" }, 400],
    ["no payloads", { body: {} }, 400],
    ["no base64", { body: { payloads: [{ data: "%" }] } }, 400],
    [
      "an unknown key",
      {
        body: {
          payloads: [
            toJson({
              metadata: {
                encoding: Buffer.from("binary/encrypted"),
                "encryption-key-id": Buffer.from("k0"),
              },
              data: Buffer.alloc(40),
            }),
          ],
        },
      },
      422,
    ],
  ] as const)("that hold %s are refused", async (_, options, status) => {
    expect((await decode(options)).status).toBe(status);
  });

  test("are not decoded, and the rest is not there, where no staking service is configured", async () => {
    const plain = await startTestServer({ NETWORK: "n", RPC_URL: "http://127.0.0.1:1" });
    try {
      for (const [method, path] of [
        ["POST", "/codec/decode"],
        ["POST", "/api/v1/stake"],
        ["GET", "/api/monitor"],
      ] as const) {
        expect((await plain.call(method, path)).status, path).toBe(404);
      }
    } finally {
      await plain.stop();
    }
  });
});
