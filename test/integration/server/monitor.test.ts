import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newCodecKey, stakingEnv } from "../../../src/dev/staking/staking-env.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../../support/redis.ts";
import { addEntry, streamKey } from "../../support/stake-producer.ts";
import { type StakingChain, startStakingChain } from "../../support/staking-chain.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { startTestServer, type TestServer } from "./server-env.ts";

const group = "staking-backend-processor";
const oneEther = 10n ** 18n;

let chain: StakingChain;
let redis: TestRedis | undefined;
let temporal: TestTemporal;
let server: TestServer;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  [chain, redis, temporal] = await Promise.all([
    startStakingChain(),
    hasRedis ? startTestRedis() : undefined,
    startTestTemporal(),
  ]);
  env = {
    ...stakingEnv({
      rpcUrl: chain.url,
      stakingAddress: chain.contracts.stakingAddress,
      signer: chain.signer.address,
      codecKey: newCodecKey(),
    }),
    TEMPORAL_ADDRESS: temporal.address,
  };
});
afterAll(async () => {
  await Promise.all([chain?.stop(), redis?.stop(), temporal?.stop()]);
});

const setBalance = (wei: bigint) =>
  chain.rpc("anvil_setBalance", [chain.signer.address, `0x${wei.toString(16)}`]);

function ownRedis(): TestRedis {
  if (redis === undefined) throw new Error("no Redis");
  return redis;
}

/** A server of its own each time: answers count for a second. */
beforeEach(async () => {
  await setBalance(5n * oneEther);
  server = await startTestServer({ ...env, ...(redis && { REDIS_URL: redis.url }) });
});
afterEach(() => server?.stop());

const ask = (path: string) => server.call("GET", `/api/monitor${path}`);

async function leaveUnacknowledged(count: number): Promise<void> {
  const client = await ownRedis().client();
  for (let at = 0; at < count; at += 1) await addEntry(client, { entityId: "x", type: "stake" });
  await client.xReadGroup(group, "c", { key: streamKey, id: ">" }, { COUNT: count });
}

describe.skipIf(!hasRedis)("45. the reference's monitor, byte for byte", () => {
  let now = 0;
  async function store(facts: { lastCheckAgoMs: number; inHandAgoMs?: number }): Promise<void> {
    now = Date.now();
    const client = await ownRedis().client();
    await client.flushAll();
    await client.xGroupCreate(streamKey, group, "0", { MKSTREAM: true });
    await client.set("last-check", new Date(now - facts.lastCheckAgoMs).toISOString());
    const inHand = facts.inHandAgoMs === undefined ? -1 : now - facts.inHandAgoMs;
    await client.set("timestamp-last-message-in-redis", String(inHand));
  }

  test("says ok where all is well", async () => {
    await store({ lastCheckAgoMs: 0 });
    const answers = await Promise.all([ask("/liveness"), ask("/readiness"), ask("")]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.map(({ text }) => text)).toEqual([
      '{"processor":"ok","nonAckPendingTx":"ok"}',
      '{"balance":"ok","pendingMessageIsStuck":"ok"}',
      '{"balance":"ok","processor":"ok","nonAckPendingTx":"ok"}',
    ]);
    expect(answers[0]?.headers.get("content-type")).toContain("application/json");
  });

  test("names the last look at the queue once it is too long ago", async () => {
    await store({ lastCheckAgoMs: 61_000 });
    const { status, text } = await ask("/liveness");
    const at = new Date(now - 61_000).toISOString();
    expect(status).toBe(500);
    expect(text).toBe(
      `{"processor":"error - last successful queue processing ${at}","nonAckPendingTx":"ok"}`,
    );
  });

  test.each([
    [10, 200, "ok"],
    [11, 500, "error - 11 non-ack messages"],
    [30, 500, "error - 30 non-ack messages"],
  ])("counts all %i messages that are not acknowledged", async (count, status, word) => {
    await store({ lastCheckAgoMs: 0 });
    await leaveUnacknowledged(count);
    const answer = await ask("/liveness");
    expect(answer.status).toBe(status);
    expect(answer.text).toBe(`{"processor":"ok","nonAckPendingTx":"${word}"}`);
  });

  test.each([
    [oneEther, 200, "ok"],
    [oneEther - 1n, 500, "error - processor balance is 0.999999999999999999 ETH"],
    [0n, 500, "error - processor balance is 0.0 ETH"],
  ])(
    "tells of a balance of %i wei in readiness, and leaves liveness alone",
    async (wei, status, word) => {
      await store({ lastCheckAgoMs: 0 });
      await setBalance(wei);
      const ready = await ask("/readiness");
      expect(ready.status).toBe(status);
      expect(ready.text).toBe(`{"balance":"${word}","pendingMessageIsStuck":"ok"}`);
      expect((await ask("/liveness")).status).toBe(200);
      const all = await ask("");
      expect(all.text).toBe(`{"balance":"${word}","processor":"ok","nonAckPendingTx":"ok"}`);
    },
  );

  test("names the message in hand that is a day old", async () => {
    await store({ lastCheckAgoMs: 0, inHandAgoMs: 86_400_001 });
    const { status, text } = await ask("/readiness");
    const at = new Date(now - 86_400_001).toISOString();
    expect(status).toBe(500);
    expect(text).toBe(
      `{"balance":"ok","pendingMessageIsStuck":"error - stuck message in redis. message timestamp ${at}"}`,
    );
  });

  test("says that Redis is away, and before the first look that there was none", async () => {
    const client = await ownRedis().client();
    await client.flushAll();
    expect((await ask("/liveness")).text).toBe(
      '{"processor":"error - last successful queue processing never","nonAckPendingTx":"ok"}',
    );
    await ownRedis().kill();
    await server.stop();
    server = await startTestServer({ ...env, REDIS_URL: ownRedis().url });
    const { status, text } = await ask("/liveness");
    expect(status).toBe(500);
    expect(text).toContain("error - Redis does not answer");
    expect((await ask("/readiness")).text).toContain('"balance":"ok"');
    await ownRedis().restart();
  });
});

test("without a stream the queue is the signer's: no worker asks for work", async () => {
  await server.stop();
  server = await startTestServer(env);
  expect((await ask("/liveness")).text).toBe(
    '{"processor":"error - last successful queue processing never","nonAckPendingTx":"ok"}',
  );
  expect((await ask("/readiness")).text).toBe('{"balance":"ok","pendingMessageIsStuck":"ok"}');
});

test("a node that is away is told in readiness", async () => {
  await server.stop();
  server = await startTestServer({ ...env, CHAIN_RPC_URL: "http://127.0.0.1:1" });
  const { status, json } = await ask("/readiness");
  expect(status).toBe(500);
  expect(json["balance"]).toBe("error - processor balance is unknown, no node answers");
});
