import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { textToBytes32 } from "../../../src/domain/staking/parse-stake-call.ts";
import {
  RedisUnavailableError,
  RequestRefusedError,
  TemporalUnavailableError,
  UnreadablePayloadError,
} from "../../../src/errors.ts";
import { readRedisFacts } from "../../../src/staking/queue-facts.ts";
import { createEntityStore } from "../../../src/staking/redis-entities.ts";
import {
  bridgeConsumer,
  bridgeGroup,
  type FakeBridge,
  fakeBridge,
} from "../../support/fake-bridge.ts";
import {
  hasRedis,
  startTestRedis,
  type TestRedis,
  type TestRedisClient,
} from "../../support/redis.ts";
import {
  addEntry,
  newUlid,
  produce,
  restakeHash,
  stakeHash,
  streamKey,
} from "../../support/stake-producer.ts";

if (!hasRedis) console.warn("SKIPPED: no redis-server; scripts/install-test-parts.sh installs it");

describe.skipIf(!hasRedis)("the pump of the Redis stream", () => {
  let server: TestRedis;
  let redis: TestRedisClient;
  let bridge: FakeBridge;

  beforeAll(async () => {
    server = await startTestRedis();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    redis = await server.client();
    await redis.flushAll();
    bridge = fakeBridge(server.url);
  });

  const unacknowledged = async () => (await redis.xPending(streamKey, bridgeGroup)).pending;

  test("a message that a run which died had in hand, and had acknowledged, is stuck for nobody", async () => {
    await redis.set("timestamp-last-message-in-redis", String(Date.now() - 2 * 86_400_000));
    await bridge.pump().result;
    const names = { streamKey, group: bridgeGroup, shadow: false };
    const facts = await readRedisFacts({ url: server.url, ...names });
    expect(facts.inHandSince).toBeNull();
  });

  test("a stake and a restake as the reference's producer writes them are started in canonical form", async () => {
    const stake = await produce(redis, "stake", stakeHash({ owner: `0x${"AB".repeat(20)}` }));
    const restake = await produce(redis, "restake");
    const result = await bridge.pump().result;
    expect(result).toMatchObject({ started: 2, poisoned: 0, queue: { unacknowledged: 0 } });
    expect(bridge.started).toEqual([
      {
        chainId: 31337,
        entity: { type: "stake", entityId: stake.entityId },
        call: {
          kind: "stake",
          owner: `0x${"ab".repeat(20)}`,
          target: "73133705",
          dipAmount: "5000000000000000000000",
          signatureId: textToBytes32(stake.hash["signatureId"]!),
          signature: stake.hash["signature"],
        },
      },
      {
        chainId: 31337,
        entity: { type: "restake", entityId: restake.entityId },
        call: {
          kind: "restake",
          owner: restake.hash["owner"],
          stakeId: "93133705",
          target: "83133705",
          signatureId: textToBytes32(restake.hash["signatureId"]!),
          signature: restake.hash["signature"],
        },
      },
    ]);
    // The UI counts the hash as pending until the end.
    expect(await redis.hGetAll(stake.key)).toEqual(stake.hash);
  });

  test("what was written before the group existed is served", async () => {
    await produce(redis);
    expect((await bridge.pump().result).started).toBe(1);
  });

  test("an entry that comes while the pump waits is served at once", async () => {
    const run = bridge.pump({ maximumSeconds: 30, stream: { readBlockMs: 30_000 } });
    await waitUntil(() => redis.exists("last-check"), { what: "the loop" });
    await produce(redis);
    await waitUntil(() => bridge.started.length === 1, { what: "the start", timeoutMs: 15_000 });
    run.cancel();
    await expect(run.result).rejects.toThrow();
  });

  test("36. a duplicate stream entry x100 starts one request and acknowledges all", async () => {
    const { entityId } = await produce(redis);
    for (let copy = 0; copy < 99; copy += 1) await addEntry(redis, { entityId, type: "stake" });
    const result = await bridge.pump({ maximumSeconds: 8 }).result;
    expect(result).toMatchObject({ started: 1, alreadyKnown: 99 });
    expect(await unacknowledged()).toBe(0);
    expect(await redis.exists(`PendingStake:${entityId}`)).toBe(1);
  });

  test("the same signature saved twice leaves one hash, that of the request which runs", async () => {
    const first = await produce(redis);
    await bridge.pump().result;
    const second = await produce(redis, "stake", first.hash);
    expect(await bridge.pump().result).toMatchObject({ alreadyKnown: 1 });
    expect([await redis.exists(first.key), await redis.exists(second.key)]).toEqual([1, 0]);
  });

  test("37. poison first, good second: the good one is served", async () => {
    await produce(redis, "stake", stakeHash({ signature: "0x1234" }));
    await produce(redis);
    expect(await bridge.pump().result).toMatchObject({ poisoned: 1, started: 1 });
    expect(await unacknowledged()).toBe(0);
  });

  test.each<[name: string, code: string, write: (client: TestRedisClient) => Promise<unknown>]>([
    [
      "a missing hash",
      "ENTITY_MISSING",
      (client) => addEntry(client, { type: "stake", entityId: newUlid() }),
    ],
    [
      "a bad ULID",
      "ENTITY_ID_INVALID",
      (client) => addEntry(client, { type: "stake", entityId: "../../last-check" }),
    ],
    [
      "a signatureId of more than 31 bytes",
      "FIELD_INVALID",
      (client) => produce(client, "stake", stakeHash({ signatureId: "é".repeat(16) })),
    ],
    [
      "an unknown type",
      "TYPE_UNKNOWN",
      (client) => addEntry(client, { type: "unstake", entityId: newUlid() }),
    ],
    ["no fields of ours", "TYPE_UNKNOWN", (client) => addEntry(client, { hello: "world" })],
    [
      "garbage in a field",
      "FIELD_INVALID",
      (client) => produce(client, "restake", restakeHash({ stakeNftId: "12x" })),
    ],
    [
      "a field that is missing",
      "FIELD_INVALID",
      (client) => produce(client, "stake", stakeHash({ dipAmount: undefined })),
    ],
    [
      "a signature of 64 bytes",
      "SIGNATURE_COMPACT",
      (client) => produce(client, "stake", stakeHash({ signature: `0x${"11".repeat(64)}` })),
    ],
    [
      "a key that holds no hash",
      "ENTITY_NOT_A_HASH",
      async (client) => {
        const entityId = newUlid();
        await client.set(`PendingStake:${entityId}`, "text");
        await addEntry(client, { type: "stake", entityId });
      },
    ],
    [
      "an entry that was deleted while it was in hand",
      "ENTRY_DELETED",
      async (client) => {
        const { entryId } = await produce(client);
        await client.xGroupCreate(streamKey, bridgeGroup, "0");
        await client.xReadGroup(bridgeGroup, bridgeConsumer, { key: streamKey, id: ">" });
        await client.xDel(streamKey, entryId);
      },
    ],
  ])("38. %s is reported as %s and acknowledged", async (_, code, write) => {
    await write(redis);
    const result = await bridge.pump().result;
    expect(bridge.poison.map((poison) => poison.code)).toEqual([code]);
    expect(result).toMatchObject({ started: 0, poisoned: 1 });
    expect(await unacknowledged()).toBe(0);
  });

  test("the report of a poisoned entry holds nothing of its signature", async () => {
    const signature = `0x${"5e".repeat(64)}`;
    await produce(redis, "stake", stakeHash({ signature }));
    const { lastPoison } = await bridge.pump().result;
    expect(lastPoison).toContain("64 bytes");
    expect(JSON.stringify([lastPoison, bridge.poison])).not.toContain("5e5e5e");
  });

  test("the hash of a poisoned entry is taken away, so that the UI stops counting it", async () => {
    const { key } = await produce(redis, "stake", stakeHash({ signature: "0x" }));
    await bridge.pump().result;
    expect(await redis.exists(key)).toBe(0);
  });

  test("a request that can never be started is reported like poison", async () => {
    bridge.onStart = async () => {
      throw new RequestRefusedError({ reason: "the owner has too many requests" });
    };
    await produce(redis);
    expect(await bridge.pump().result).toMatchObject({ started: 0, poisoned: 1 });
    expect(bridge.poison[0]?.message).toContain("too many requests");
  });

  test("a fault of our own, such as a key of payloads that is missing, costs nobody his request", async () => {
    bridge.onStart = async () => {
      throw new UnreadablePayloadError({ keyId: "old", reason: "keys here: new" });
    };
    const { key } = await produce(redis);
    expect(await bridge.pump().result).toMatchObject({ poisoned: 0, postponed: 1 });
    expect([await unacknowledged(), await redis.exists(key)]).toEqual([1, 1]);
  });

  test("Temporal away: nothing is acknowledged, and the next call serves it", async () => {
    const start = bridge.onStart;
    bridge.onStart = async () => {
      throw new TemporalUnavailableError({ address: "here", reason: "away" });
    };
    await produce(redis);
    await expect(bridge.pump().result).rejects.toThrow(TemporalUnavailableError);
    expect(await unacknowledged()).toBe(1);
    bridge.onStart = start;
    expect(await bridge.pump().result).toMatchObject({ started: 1, queue: { unacknowledged: 0 } });
  });

  test("entries whose start fails stay in hand and stand in nobody's way", async () => {
    const start = bridge.onStart;
    const bad = await produce(redis);
    bridge.onStart = async (request) => {
      if (request.entity.entityId === bad.entityId) throw new Error("odd");
      return start(request);
    };
    expect(await bridge.pump().result).toMatchObject({ started: 0, postponed: 1 });
    await produce(redis);
    const result = await bridge.pump().result;
    expect(result).toMatchObject({ started: 1, postponed: 1, queue: { unacknowledged: 1 } });
    expect(result.lastError).toContain("odd");
    // The reference's alarm for stuck messages looks at it.
    const stuckSince = Number(await redis.get("timestamp-last-message-in-redis"));
    expect(stuckSince).toBe(Math.round(Number(bad.hash["timestamp"]) * 1000));
  });

  test("an entry whose id is a time of no calendar stops nobody, also while it stays in hand", async () => {
    const start = bridge.onStart;
    const odd = stakeHash();
    bridge.onStart = async (request) => {
      if (request.call.signature === odd["signature"]) throw new Error("odd");
      return start(request);
    };
    await produce(redis);
    const entityId = newUlid();
    await redis.hSet(`PendingStake:${entityId}`, odd);
    await redis.xAdd(streamKey, "99999999999999999-0", { entityId, type: "stake" });
    const result = await bridge.pump().result;
    expect(result).toMatchObject({ started: 1, postponed: 1 });
    expect(result.queue).toEqual({ unacknowledged: 1, oldestAt: "2299-12-31T23:59:59.999Z" });
    // Redis gives ids that only grow: from here on every entry has such a one.
    const next = await produce(redis);
    expect(next.entryId).toBe("99999999999999999-1");
    expect(await bridge.pump().result).toMatchObject({ started: 1, postponed: 1 });
    const names = { streamKey, group: bridgeGroup, shadow: false };
    expect(await readRedisFacts({ url: server.url, ...names })).toMatchObject({
      unacknowledged: 1,
    });
    bridge.onStart = start;
    expect(await bridge.pump().result).toMatchObject({
      started: 1,
      queue: { unacknowledged: 0, oldestAt: null },
    });
  });

  test("a group that was lost: what was served before is known again, not reported; the rest is served", async () => {
    const served = await produce(redis);
    const running = await produce(redis);
    await bridge.pump().result;
    // The end of its request.
    await redis.unlink(served.key);
    await redis.xGroupDestroy(streamKey, bridgeGroup);
    await addEntry(redis, { type: "stake", entityId: newUlid() });
    await produce(redis);

    const result = await bridge.pump().result;

    expect(result).toMatchObject({ started: 1, alreadyKnown: 2, poisoned: 1 });
    expect(bridge.poison.map(({ code }) => code)).toEqual(["ENTITY_MISSING"]);
    expect([await unacknowledged(), await redis.exists(running.key)]).toEqual([0, 1]);
    // Whoever still has its group is told of every hash that is gone.
    await addEntry(redis, { type: "stake", entityId: served.entityId });
    expect(await bridge.pump().result).toMatchObject({ alreadyKnown: 0, poisoned: 1 });
  });

  test("what a consumer that died had in hand is taken over", async () => {
    await produce(redis);
    await redis.xGroupCreate(streamKey, bridgeGroup, "0");
    await redis.xReadGroup(bridgeGroup, "of-the-dead", { key: streamKey, id: ">" });
    expect((await bridge.pump().result).started).toBe(0);
    expect((await bridge.pump({ stream: { claimAfterMs: 0 } }).result).started).toBe(1);
  });

  test("45. the keys that monitors read are kept as the reference keeps them", async () => {
    const before = Date.now();
    let inHand: string | null = null;
    const start = bridge.onStart;
    bridge.onStart = async (request) => {
      inHand = await redis.get("timestamp-last-message-in-redis");
      return start(request);
    };
    await produce(redis, "stake", stakeHash({ timestamp: "1795307578.255" }));
    await bridge.pump().result;
    expect(inHand).toBe("1795307578255");
    expect(await redis.get("timestamp-last-message-in-redis")).toBe("-1");
    const lastCheck = (await redis.get("last-check")) ?? "";
    expect(new Date(lastCheck).toISOString()).toBe(lastCheck);
    expect(Date.parse(lastCheck)).toBeGreaterThanOrEqual(before);
  });

  test("0 seconds only look: the loop's sign of life and the queue, nothing is read", async () => {
    await produce(redis);
    const result = await bridge.pump({ maximumSeconds: 0 }).result;
    expect(result).toMatchObject({ started: 0, queue: { unacknowledged: 0 } });
    expect(await redis.get("last-check")).toBeTruthy();
  });

  test("Redis away is an error that may pass, without the password", async () => {
    const pump = bridge.pump({ stream: { url: "redis://user:hunter2@127.0.0.1:1" } });
    await expect(pump.result).rejects.toThrow(RedisUnavailableError);
    await expect(pump.result).rejects.not.toThrow(/hunter2/);
  });

  test("Redis killed in the middle: the call fails, and the next one serves the rest after the restart", async () => {
    const run = bridge.pump({ maximumSeconds: 20, stream: { readBlockMs: 5_000 } });
    await produce(redis);
    await waitUntil(() => bridge.started.length === 1, { what: "the start" });
    await server.kill();
    await expect(run.result).rejects.toThrow(RedisUnavailableError);
    await server.restart();
    redis = await server.client();
    await produce(redis);
    expect((await bridge.pump().result).started).toBe(1);
    expect(bridge.started).toHaveLength(2);
  });

  test("old entries go once every group has acknowledged them, and no earlier", async () => {
    await produce(redis);
    const { entityId } = await produce(redis);
    for (let copy = 0; copy < 250; copy += 1) await addEntry(redis, { entityId, type: "stake" });
    const trimming = { stream: { keepAcknowledgedMs: 0 } };
    // Somebody else's group has read nothing yet.
    await redis.xGroupCreate(streamKey, "reader", "0");
    await bridge.pump({ maximumSeconds: 8, ...trimming }).result;
    await bridge.pump(trimming).result;
    expect(await unacknowledged()).toBe(0);
    expect(await redis.xLen(streamKey)).toBe(252);
    await redis.xGroupDestroy(streamKey, "reader");
    // Redis removes whole nodes only, of up to a hundred entries.
    await bridge.pump(trimming).result;
    expect(await redis.xLen(streamKey)).toBeLessThan(100);
  });

  test("by default entries of the last thirty days stay", async () => {
    await produce(redis);
    for (let count = 0; count < 250; count += 1) await addEntry(redis, { type: "x" });
    await bridge.pump({ maximumSeconds: 8 }).result;
    await bridge.pump().result;
    expect(await redis.xLen(streamKey)).toBe(251);
  });

  test("the rights that docs/staking.md lists are enough", async () => {
    const document = await readFile(join(import.meta.dirname, "../../../docs/staking.md"), "utf8");
    const [line = ""] = /^ACL SETUSER .*$/m.exec(document) ?? [];
    await redis.sendCommand(line.split(" "));
    const url = server.url.replace("//", "//blockloom:PASSWORD@");
    const { key, type, entityId, hash } = await produce(redis);
    await produce(redis, "restake", restakeHash({ signature: "0x" }));
    const result = await bridge.pump({ stream: { url } }).result;
    expect(result).toMatchObject({ started: 1, poisoned: 1, queue: { unacknowledged: 0 } });
    const entities = createEntityStore(url);
    await entities.noteTransaction({ type, entityId }, "0x12");
    expect(await redis.hGetAll(key)).toEqual({ ...hash, transactionHash: "0x12" });
    await entities.remove({ type, entityId });
    await entities.close();
    const facts = await readRedisFacts({ url, streamKey, group: bridgeGroup, shadow: false });
    expect(facts).toMatchObject({ unacknowledged: 0, inHandSince: null });
  });

  test("a wrong password is an error with words, and without the password", async () => {
    const url = server.url.replace("//", "//nobody:hunter2@");
    const pump = bridge.pump({ stream: { url } }).result;
    await expect(pump).rejects.toThrow(/CONNECT: (WRONGPASS|ERR)/);
    await expect(pump).rejects.not.toThrow(/hunter2/);
  });

  test("a key that is no stream is an error with words, not silence", async () => {
    await redis.set(streamKey, "text");
    await expect(bridge.pump().result).rejects.toThrow(/XGROUP CREATE: WRONGTYPE/);
  });

  test("shadow mode looks at every entry, starts nothing and writes nothing but its own group", async () => {
    const good = await produce(redis);
    await produce(redis, "stake", stakeHash({ signature: "0x1234" }));
    await redis.xGroupCreate(streamKey, bridgeGroup, "0");
    await redis.xReadGroup(bridgeGroup, bridgeConsumer, { key: streamKey, id: ">" });
    const keysBefore = (await redis.keys("*")).toSorted();
    const result = await bridge.pump({ stream: { shadow: true } }).result;
    expect(result).toMatchObject({ started: 0, poisoned: 1, checked: { ready: 1, refused: 0 } });
    expect(bridge.started).toEqual([]);
    expect(bridge.checked.map(({ call }) => call.signature)).toEqual([good.hash["signature"]]);
    expect((await redis.keys("*")).toSorted()).toEqual(keysBefore);
    expect(await redis.hGetAll(good.key)).toEqual(good.hash);
    // The reference's own group is as it was.
    expect(await unacknowledged()).toBe(2);
    expect((await redis.xPending(streamKey, `${bridgeGroup}-shadow`)).pending).toBe(0);
    expect(await redis.xLen(streamKey)).toBe(2);
  });
});
