import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newCodecKey, stakingEnv } from "../../../src/dev/staking/staking-env.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { type RawAnswer, sendRaw, toBytes } from "./raw-request.ts";
import { startTestServer, type TestServer } from "./server-env.ts";

/** More by hand: FUZZ_REQUESTS=10000 FUZZ_SEED=7 npx vitest run test/integration/server/stake-fuzz.test.ts */
const requests = Number(process.env["FUZZ_REQUESTS"] ?? 400);
const seed = Number(process.env["FUZZ_SEED"] ?? 1);
const timeoutMs = 240_000 + requests * 100;

let chain: StakingChain;
let temporal: TestTemporal;
let clickhouse: TestClickHouse;
let server: TestServer;
let signed: StakeCall;

beforeAll(async () => {
  [chain, temporal, clickhouse] = await Promise.all([
    startStakingChain(),
    startTestTemporal(),
    startTestClickHouse(),
  ]);
  server = await startTestServer({
    ...stakingEnv({
      rpcUrl: chain.url,
      stakingAddress: chain.contracts.stakingAddress,
      signer: chain.signer.address,
      codecKey: newCodecKey(),
    }),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_UI_URL: temporal.uiUrl,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
  });
  signed = await chain.users[0].signStake({ target: chain.targets[0], dipAmount: oneDip });
});
afterAll(async () => {
  await server?.stop();
  await Promise.all([chain?.stop(), temporal?.stop(), clickhouse?.stop()]);
});

const odd = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "0x",
    "-1",
    "1e3",
    "__proto__",
    "9".repeat(78),
    "9".repeat(79),
    "x".repeat(33),
  ),
  fc.jsonValue(),
  fc.bigInt({ min: 0n, max: 2n ** 256n }).map(String),
  fc.uint8Array({ minLength: 60, maxLength: 70 }).map((b) => `0x${Buffer.from(b).toString("hex")}`),
);
const fieldNames = ["owner", "targetNftId", "dipAmount", "stakeNftId", "signatureId", "signature"];
const changes = fc.dictionary(fc.constantFrom(...fieldNames, "constructor", "x"), odd, {
  noNullPrototype: true,
});
const stakeBody = fc.oneof(
  { weight: 4, arbitrary: changes.map((change) => ({ change, isWhole: false })) },
  { weight: 2, arbitrary: changes.map((change) => ({ change, isWhole: true })) },
);
const payload = fc.record(
  {
    metadata: fc.oneof(
      fc.record({
        encoding: fc.constant(Buffer.from("binary/encrypted").toString("base64")),
        "encryption-key-id": fc.constantFrom(Buffer.from("dev").toString("base64"), ""),
      }),
      fc.dictionary(fc.string(), fc.oneof(fc.base64String(), fc.string())),
      fc.jsonValue(),
    ),
    data: fc.oneof(fc.base64String(), fc.string(), fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const id = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => `0x${Buffer.from(b).toString("hex")}`),
  fc.string().map(encodeURIComponent),
  fc.constantFrom("..", "%00", "%", "__proto__", "0x", "cancel"),
);
/** Finds what was signed only when it is sent: it is signed after this file was read. */
type Shot = { readonly method: string; readonly path: string; readonly body: () => string };
const shot: fc.Arbitrary<Shot> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom("stake", "restake"), stakeBody)
      .map(([kind, { change, isWhole }]) => ({
        method: "POST",
        path: `/api/v1/${kind}`,
        body: () => JSON.stringify(isWhole ? change : { ...wholeBody(), ...change }),
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom("stake", "restake"), fc.oneof(fc.json(), fc.string()))
      .map(([kind, body]) => ({ method: "POST", path: `/api/v1/${kind}`, body: () => body })),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(fc.array(payload), fc.jsonValue()).map((payloads) => ({
      method: "POST",
      path: "/codec/decode",
      body: () => JSON.stringify({ payloads }),
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("GET", "POST", "DELETE", "OPTIONS"),
        id,
        fc.constantFrom("", "/cancel"),
      )
      .map(([method, text, end]) => ({
        method,
        path: `/api/v1/stake/${text}${end}`,
        body: () => "",
      })),
  },
);

/** A request that would be taken, were it not changed. */
function wholeBody() {
  const { owner, target: targetNftId, signatureId, signature } = signed;
  const dipAmount = signed.kind === "stake" ? signed.dipAmount : "";
  // Another signature each time it is left alone would be needed; a wrong amount keeps it out of Temporal.
  return { owner, targetNftId, dipAmount: `${dipAmount}1`, signatureId, signature };
}

test(
  "no request of the staking service makes an error of ours, and every refusal is a problem",
  async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(shot, async ({ method, path, body: make }) => {
        const body = make();
        const answer = await send(method, path, body);
        const status = answer.status ?? 500;
        statuses.add(status);
        expect(status, `${method} ${path} ${body}`).toBeLessThan(500);
        if (status >= 400) {
          expect(answer.head).toContain("application/problem+json");
          expect(JSON.parse(answer.body)).toMatchObject({ status });
        }
      }),
      { numRuns: requests, seed, endOnFailure: true },
    );
    // It came further than the first look: forms and signatures were refused, payloads decoded, ids looked for.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 422]));
    const { count } = await workflows();
    expect(count).toBe(0);
  },
  timeoutMs,
);

async function workflows(): Promise<{ count: number }> {
  const { Client, Connection } = await import("@temporalio/client");
  const connection = await Connection.connect({ address: temporal.address });
  try {
    return await new Client({ connection }).workflow.count("WorkflowType != ''");
  } finally {
    await connection.close();
  }
}

function send(method: string, path: string, body: string): Promise<RawAnswer> {
  const headers = { "content-type": "application/json" };
  return sendRaw(server.address, toBytes({ method, path, headers, body }));
}
