import { createServer } from "node:http";
import { MockActivityEnvironment } from "@temporalio/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAnnounceStake } from "../../../src/activities/staking/announce-stake.ts";
import { createNoteEntity } from "../../../src/activities/staking/note-entity.ts";
import { createRecordRequest } from "../../../src/activities/staking/record-request.ts";
import { RedisUnavailableError } from "../../../src/errors.ts";
import { createWebhook } from "../../../src/observability/webhook.ts";
import { createEntityStore } from "../../../src/staking/redis-entities.ts";
import type { StakeRequestStatus } from "../../../src/workflows/staking/request-shapes.ts";
import {
  hasRedis,
  startTestRedis,
  type TestRedis,
  type TestRedisClient,
} from "../../support/redis.ts";
import { type ProducedRequest, produce } from "../../support/stake-producer.ts";

const status: StakeRequestStatus = {
  requestId: `stake/31337/0x${"11".repeat(32)}`,
  chainId: 31337,
  kind: "stake",
  owner: `0x${"ab".repeat(20)}`,
  target: "73133705",
  state: "succeeded",
  isFinal: true,
  reason: null,
  nonce: 3,
  transactionHash: `0x${"cd".repeat(32)}`,
  blockNumber: 12,
  gasUsed: "632001",
  stakeId: "93133705",
  receivedAt: "2026-11-24T10:00:00.000Z",
  expiresAt: "2026-12-01T10:00:00.000Z",
  updatedAt: "2026-11-24T10:00:05.000Z",
};

if (!hasRedis) console.warn("SKIPPED: no redis-server; scripts/install-test-parts.sh installs it");

describe.skipIf(!hasRedis)("noteEntity", () => {
  let server: TestRedis;
  let redis: TestRedisClient;
  let store: ReturnType<typeof createEntityStore>;
  const transactionHash = `0x${"cd".repeat(32)}` as const;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = await server.client();
    store = createEntityStore(server.url);
  });
  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  const note = (
    { type, entityId }: ProducedRequest,
    change: { transactionHash: `0x${string}` | null; isFinal: boolean },
  ) =>
    new MockActivityEnvironment().run(createNoteEntity({ entities: store }), {
      entity: { type, entityId },
      ...change,
    });

  test("the hash gets the transaction's hash, and everything else stays", async () => {
    const request = await produce(redis);
    await note(request, { transactionHash, isFinal: false });
    expect(await redis.hGetAll(request.key)).toEqual({ ...request.hash, transactionHash });
  });

  test("at the end the hash is gone, and a late note does not bring it back", async () => {
    const request = await produce(redis, "restake");
    await note(request, { transactionHash, isFinal: true });
    await note(request, { transactionHash, isFinal: false });
    expect(await redis.exists(request.key)).toBe(0);
  });

  test("nothing to say changes nothing", async () => {
    const request = await produce(redis);
    await note(request, { transactionHash: null, isFinal: false });
    expect(await redis.hGetAll(request.key)).toEqual(request.hash);
  });

  test("Redis away is an error that may pass; back again, the next try gets through", async () => {
    const request = await produce(redis);
    await server.kill();
    await expect(note(request, { transactionHash, isFinal: true })).rejects.toThrow(
      RedisUnavailableError,
    );
    await server.restart();
    redis = await server.client();
    await note(request, { transactionHash, isFinal: true });
    expect(await redis.exists(request.key)).toBe(0);
  });
});

test("noteEntity without a Redis does nothing", async () => {
  const entity = { type: "stake", entityId: "01ARZ3NDEKTSV4RRFFQ69G5FAV" } as const;
  const note = createNoteEntity({ entities: null });
  await new MockActivityEnvironment().run(note, { entity, transactionHash: null, isFinal: true });
});

describe("announceStake", () => {
  test("the outcome goes out signed, and a repeated one bears the same id", async () => {
    const received: { id: unknown; signature: unknown; body: string }[] = [];
    const receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        const { headers } = request;
        received.push({
          id: headers["webhook-id"],
          signature: headers["webhook-signature"],
          body,
        });
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const address = receiver.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const stakeAnnouncer = createWebhook({ url: `http://127.0.0.1:${port}/`, secret: "s" });
    const announce = createAnnounceStake({ stakeAnnouncer });
    const again = { ...status, receivedAt: "2026-11-25T10:00:00.000Z" };
    for (const told of [status, status, again]) {
      await new MockActivityEnvironment().run(announce, { status: told });
    }
    receiver.close();
    const [first, repeated, other] = received;
    expect(JSON.parse(first!.body)).toEqual({
      type: "stake.settled",
      at: status.updatedAt,
      ...status,
    });
    expect(first!.signature).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
    expect(repeated!.id).toBe(first!.id);
    expect(other!.id).not.toBe(first!.id);
  });

  test("without a receiver nothing happens", async () => {
    await new MockActivityEnvironment().run(createAnnounceStake({ stakeAnnouncer: null }), {
      status,
    });
  });
});

test("recordRequest counts an outcome once it is written, and only at the end", async () => {
  const counted: string[] = [];
  const written: string[] = [];
  const record = createRecordRequest({
    requestRows: {
      record: async (row) => void written.push(row.status.state),
      recordPoison: async () => {},
    },
    meters: {
      stakeOutcome: (_, state) => void counted.push(state),
      streamEntry() {},
      streamQueue() {},
      signerBalance() {},
    },
  });
  for (const state of ["mined", "succeeded"] as const) {
    const isFinal = state === "succeeded";
    await new MockActivityEnvironment().run(record, {
      status: { ...status, state, isFinal },
      source: "api",
      actor: "kim",
    });
  }
  expect(written).toEqual(["mined", "succeeded"]);
  expect(counted).toEqual(["succeeded"]);
});
