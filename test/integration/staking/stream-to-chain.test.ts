import getPort from "get-port";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newSignatureId, type TestUser } from "../../../src/dev/staking/test-user.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { requestIdOf } from "../../../src/staking/request-id.ts";
import {
  hasRedis,
  startTestRedis,
  type TestRedis,
  type TestRedisClient,
} from "../../support/redis.ts";
import { addEntry, produce, streamKey } from "../../support/stake-producer.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { closeBooks, openBooks } from "./books.ts";
import { type StakingStack, startStakingStack } from "./staking-stack.ts";

if (!hasRedis) console.warn("SKIPPED: no redis-server; scripts/install-test-parts.sh installs it");

describe.skipIf(!hasRedis)("from the producer's stream to the chain, all of it real", () => {
  let server: TestRedis;
  let redis: TestRedisClient;
  let stack: StakingStack;
  let metricsUrl: string;
  const signatures: string[] = [];

  beforeAll(async () => {
    server = await startTestRedis();
    redis = await server.client();
    stack = await startStakingStack({
      users: 4,
      env: { REDIS_URL: server.url, REDIS_READ_BLOCK_TIMEOUT: "1000" },
    });
    const address = `127.0.0.1:${await getPort()}`;
    metricsUrl = `http://${address}/metrics`;
    await Promise.all([
      stack.startWorker("stake", { METRICS_ADDRESS: address }),
      stack.startWorker("sign"),
    ]);
  });
  afterAll(async () => {
    await stack?.stop();
    await server?.stop();
  });

  /** Signs as the UI does, and saves and announces it as the UI's route does. */
  async function ask(user: TestUser, dipAmount = oneDip) {
    const [target] = stack.chain.targets;
    const signatureId = newSignatureId();
    const call = await user.signStake({ target, dipAmount, signatureId });
    signatures.push(call.signature.slice(2));
    return { call, ...(await produceCall(call, signatureId)) };
  }
  function produceCall(call: StakeCall, signatureId: string) {
    return produce(redis, "stake", {
      owner: call.owner,
      targetNftId: call.target,
      dipAmount: call.kind === "stake" ? call.dipAmount : "",
      signatureId,
      signature: call.signature,
      timestamp: String(Date.now() / 1000),
    });
  }
  const untilGone = (key: string) =>
    waitUntil(async () => (await redis.exists(key)) === 0, {
      what: `${key} to be unlinked`,
      timeoutMs: 90_000,
    });

  test("37. poison, a hopeless request, a duplicate and two good ones: two transactions, and the truth for everybody", async () => {
    const books = await openBooks(stack);
    // Nothing ends before the transaction was seen beside the request: a hash is gone with its end.
    await stack.chain.rpc("evm_setIntervalMining", [0]);
    await addEntry(redis, { type: "stake", entityId: "nonsense" });
    const hopeless = await ask(stack.nextUser(), 0n);
    const first = await ask(stack.nextUser());
    await addEntry(redis, { type: "stake", entityId: first.entityId });
    const second = await ask(stack.nextUser());

    const hash = await waitUntil(
      async () => (await redis.hGet(first.key, "transactionHash")) ?? undefined,
      { what: "the first one's transaction to show", timeoutMs: 90_000, everyMs: 20 },
    );
    await stack.chain.rpc("evm_setIntervalMining", [1]);
    await Promise.all([first, second, hopeless].map(({ key }) => untilGone(key)));

    const [one, two, three] = await Promise.all(
      [first, second, hopeless].map(({ call }) =>
        stack.untilFinal(requestIdOf(stack.chain.chainId, call)),
      ),
    );
    expect([one?.state, two?.state, three?.state]).toEqual(["succeeded", "succeeded", "refused"]);
    expect(one?.transactionHash).toBe(hash);
    expect(three?.reason?.code).toBe("STAKING_AMOUNT_ZERO");
    expect(await closeBooks(stack, books)).toMatchObject({
      transactions: 2,
      reverted: 0,
      unexplainedWei: 0n,
    });
    // A request may be over before the worker that started it takes its entry off the stream.
    await expect
      .poll(() => redis.xPending(streamKey, "staking-backend-processor"))
      .toMatchObject({ pending: 0 });
  });

  test("the tables hold every end and every transaction, and no signature of a user stands in stake_request", async () => {
    // A request says its end before it is written.
    await expect
      .poll(() =>
        stack.store.query<{ state: string; count: string }>(
          "SELECT state, toString(uniqExact(request_id)) AS count FROM stake_request WHERE is_final GROUP BY state ORDER BY state",
        ),
      )
      .toEqual([
        { state: "succeeded", count: "2" },
        { state: "refused", count: "2" },
      ]);
    const all = JSON.stringify(await stack.store.query<object>("SELECT * FROM stake_request"));
    expect(signatures).toHaveLength(3);
    expect(signatures.filter((signature) => all.includes(signature))).toEqual([]);
    const rows = await waitUntil(
      async () => {
        const found = await stack.store.query<{ nonce: string; hash: string }>(
          "SELECT nonce, hash FROM stake_transaction WHERE state = 'final' ORDER BY nonce",
        );
        return found.length === 2 && found;
      },
      { what: "both transactions final in the table" },
    );
    expect(new Set(rows.map(({ hash }) => hash)).size).toBe(2);
  });

  test("the metrics tell what happened", async () => {
    // The signer may hear a moment later than the requests that all is final.
    await expect
      .poll(() => readMetrics(metricsUrl))
      .toEqual({
        started: 3,
        known: 1,
        poisoned: 1,
        succeeded: 2,
        refused: 1,
        inFlight: 0,
        nonceLag: 0,
        gas: expect.toSatisfy((gas: number) => gas > 1_200_000),
        balance: expect.toSatisfy((balance: number) => balance > 9_000),
      });
  });

  test("43. neither key, Redis' url nor a user's signature stands in a log", async () => {
    const { call } = await ask(stack.nextUser());
    await stack.untilFinal(requestIdOf(stack.chain.chainId, call));
    const logs = stack.logs();
    expect(logs).toContain("No request can be made of an entry of the stream");
    for (const secret of [...signatures, stack.chain.signer.privateKey, server.url]) {
      expect(logs).not.toContain(secret);
    }
  });
});

/** Sums over labels; null: no such metric. */
async function readMetrics(url: string) {
  const lines = (await (await fetch(url)).text()).split("\n");
  const valueOf = (name: string, ...labels: string[]) =>
    lines
      .filter((line) => line.startsWith(`${name}{`) && labels.every((part) => line.includes(part)))
      .map((line) => Number(line.split(" ").at(-1)))
      .reduce<number | null>((sum, value) => (sum ?? 0) + value, null);
  return {
    started: valueOf("blockloom_stake_stream_entries_total", 'result="started"'),
    known: valueOf("blockloom_stake_stream_entries_total", 'result="known"'),
    poisoned: valueOf("blockloom_stake_stream_entries_total", 'result="poisoned"'),
    succeeded: valueOf("blockloom_stake_outcomes_total", 'state="succeeded"'),
    refused: valueOf("blockloom_stake_outcomes_total", 'state="refused"'),
    inFlight: valueOf("blockloom_stake_in_flight_transactions"),
    nonceLag: valueOf("blockloom_stake_nonce_lag"),
    gas: valueOf("blockloom_stake_gas_total", 'outcome="succeeded"'),
    balance: valueOf("blockloom_stake_balance_ether"),
  };
}
