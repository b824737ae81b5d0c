import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection, type WorkflowHandle, WorkflowNotFoundError } from "@temporalio/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { createCodedClient } from "../../../src/staking/coded-client.ts";
import { isHex } from "../../../src/staking/hex.ts";
import { requestIdOf } from "../../../src/staking/request-id.ts";
import { startBridge } from "../../../src/staking/start-bridge.ts";
import { registerSearchAttributes } from "../../../src/temporal/register-search-attributes.ts";
import type { StakeBridgeProgress } from "../../../src/workflows/staking/bridge-shapes.ts";
import { stakeMessageNames, stakeWorkflowIds } from "../../../src/workflows/staking/messages.ts";
import {
  type BridgeWorkerOptions,
  bridgeChainId,
  bridgeCodecKeys,
  startBridgeWorker,
} from "../../support/bridge-worker.ts";
import { bridgeGroup } from "../../support/fake-bridge.ts";
import {
  hasRedis,
  startTestRedis,
  type TestRedis,
  type TestRedisClient,
} from "../../support/redis.ts";
import {
  addEntry,
  produce,
  type StakeHash,
  stakeHash,
  streamKey,
} from "../../support/stake-producer.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { currentDetails } from "../../support/workflow-env.ts";
import { quietRuntime } from "../../support/workflow-runtime.ts";

if (!hasRedis) console.warn("SKIPPED: no redis-server; scripts/install-test-parts.sh installs it");

const waiting = {
  kind: "wait",
  reason: { code: "ERROR:STK-291:DIP_ALLOWANCE_INSUFFICIENT", message: "Approve first." },
  for: "user",
  notBefore: null,
} as const;
const fulfilled = {
  kind: "fulfilled",
  transactionHash: `0x${"cd".repeat(32)}`,
  stakeId: "93133705",
} as const;

describe.skipIf(!hasRedis)("the bridge from a real Redis to real workflows", () => {
  let temporal: TestTemporal;
  let server: TestRedis;
  let redis: TestRedisClient;
  let connection: Connection;
  let client: Client;
  let bridge: WorkflowHandle;
  let folder: string;
  const open: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    quietRuntime();
    [temporal, server] = await Promise.all([startTestTemporal(), startTestRedis()]);
    folder = await mkdtemp(join(tmpdir(), "blockloom-bridge-"));
    connection = await Connection.connect({ address: temporal.address });
    await registerSearchAttributes(connection.operatorService, temporal.namespace);
    client = createCodedClient(
      new Client({ connection, namespace: temporal.namespace }),
      bridgeCodecKeys,
    );
    bridge = client.workflow.getHandle(stakeWorkflowIds.bridge(bridgeChainId));
  });
  afterAll(async () => {
    await connection?.close();
    await Promise.all([temporal?.stop(), server?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    redis = await server.client();
    await redis.flushAll();
  });
  afterEach(async () => {
    // First: the pump hears of it by its heartbeat, and the worker need not wait for it.
    await bridge.terminate("the test is over").catch(() => {});
    for await (const { workflowId, status } of client.workflow.list()) {
      const handle = client.workflow.getHandle(workflowId);
      if (status.name === "RUNNING") await handle.terminate().catch(() => {});
    }
    for (const stop of open.splice(0)) await stop();
  });

  const options = (changes: Partial<BridgeWorkerOptions> = {}): BridgeWorkerOptions => ({
    address: temporal.address,
    namespace: temporal.namespace,
    redisUrl: server.url,
    verdict: waiting,
    ...changes,
  });
  const startWorker = async (changes: Partial<BridgeWorkerOptions> = {}) => {
    const worker = await startBridgeWorker(options(changes));
    open.push(worker.stop);
  };
  const startChild = (changes: Partial<BridgeWorkerOptions> = {}): RunningProcess => {
    const child = startProcess({
      name: "bridge-worker",
      command: process.execPath,
      args: [
        "--import",
        "tsx",
        join(import.meta.dirname, "../../support/bridge-worker.ts"),
        JSON.stringify(options(changes)),
      ],
      logFile: join(folder, "bridge-worker.log"),
    });
    open.push(() => child.kill());
    return child;
  };
  /** Runs of request workflows that were ever started for what is in Redis now. */
  const requestRuns = async () => {
    const runs: { workflowId: string; status: string }[] = [];
    for await (const { workflowId, status, type, startTime } of client.workflow.list()) {
      if (type === "stakeRequestWorkflow" && startTime >= testStart) {
        runs.push({ workflowId, status: status.name });
      }
    }
    return runs;
  };
  /** Asked of Temporal itself: its list lags behind. */
  const wasStarted = async ({ signature }: StakeHash) => {
    if (!isHex(signature)) throw new Error("no signature");
    const handle = client.workflow.getHandle(requestIdOf(bridgeChainId, { signature }));
    try {
      await handle.describe();
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };
  let testStart = new Date();
  beforeEach(() => {
    testStart = new Date();
  });
  const unacknowledged = async () => (await redis.xPending(streamKey, bridgeGroup)).pending;
  const untilRuns = (count: number) =>
    waitUntil(async () => (await requestRuns()).length === count, {
      what: `${count} requests`,
      everyMs: 200,
    });
  const untilAcknowledged = () =>
    waitUntil(async () => (await unacknowledged()) === 0, { what: "everything acknowledged" });
  const progress = () => bridge.query<StakeBridgeProgress>(stakeMessageNames.progress);

  test("36. a hundred entries of one request start one workflow", async () => {
    const { entityId, key } = await produce(redis);
    for (let copy = 0; copy < 99; copy += 1) await addEntry(redis, { entityId, type: "stake" });
    await startWorker();
    await startBridge(client, bridgeChainId);
    await waitUntil(async () => (await redis.xInfoGroups(streamKey))[0]?.["entries-read"] === 100, {
      what: "all entries read",
    });
    await untilAcknowledged();
    await untilRuns(1);
    expect(await redis.exists(key)).toBe(1);
  });

  test("37. 38. poison does not block, is shown in the details, and the good one is served", async () => {
    await addEntry(redis, { entityId: "nonsense", type: "stake" });
    await produce(redis, "stake", stakeHash({ signatureId: "x".repeat(32) }));
    const good = await produce(redis);
    await startWorker();
    await startBridge(client, bridgeChainId);
    await untilRuns(1);
    await untilAcknowledged();
    // The call's result comes with its end.
    await bridge.signal(stakeMessageNames.pause);
    await waitUntil(async () => (await progress()).totals.poisoned === 2, {
      what: "the totals",
      everyMs: 500,
    });
    const { totals } = await progress();
    expect(totals).toMatchObject({ started: 1, alreadyKnown: 0 });
    expect(await currentDetails(bridge)).toContain("signatureId must have 1 to 31 bytes");
    expect(await currentDetails(bridge)).not.toContain(good.hash["signature"]!.slice(2, 20));
  });

  test("39. killed between the start and XACK: one workflow, acknowledged by the next worker", async () => {
    const request = await produce(redis);
    const child = startChild({ hangAfterStart: true });
    await startBridge(client, bridgeChainId);
    await waitUntil(() => child.output().includes("STARTED"), {
      what: "the durable start",
      process: child,
    });
    expect(await unacknowledged()).toBe(1);
    await child.kill();
    startChild();
    await untilAcknowledged();
    await untilRuns(1);
    // It is the request's own hash: the UI goes on showing it.
    expect(await redis.hGetAll(request.key)).toEqual(request.hash);
  });

  test("Redis is killed and comes back in the middle: nothing is lost and nothing ends", async () => {
    await startWorker();
    await startBridge(client, bridgeChainId);
    await produce(redis);
    await untilRuns(1);
    await server.kill();
    await waitUntil(
      async () => {
        const { raw } = await bridge.describe();
        return raw.pendingActivities?.some(({ lastFailure }) =>
          lastFailure?.encodedAttributes ? true : lastFailure?.message?.includes("Redis"),
        );
      },
      { what: "the outage to show" },
    );
    await server.restart();
    redis = await server.client();
    await produce(redis);
    await untilRuns(2);
    await untilAcknowledged();
    expect((await bridge.describe()).status.name).toBe("RUNNING");
  });

  test("at the end of a request its hash is gone, so that the UI shows it as done", async () => {
    await startWorker({ verdict: fulfilled });
    await startBridge(client, bridgeChainId);
    const { key } = await produce(redis);
    await waitUntil(async () => (await redis.exists(key)) === 0, { what: "the hash to go" });
    await waitUntil(
      async () => (await requestRuns()).map(({ status }) => status)[0] === "COMPLETED",
      { what: "the end of the request" },
    );
  });

  test("a Redis that comes back without its last moments shows no request as pending that has ended", async () => {
    await startWorker({ verdict: fulfilled });
    await startBridge(client, bridgeChainId);
    const { key, hash, entityId } = await produce(redis);
    await waitUntil(
      async () => (await requestRuns()).map(({ status }) => status)[0] === "COMPLETED",
      { what: "the end of the request" },
    );
    await redis.hSet(key, hash);
    await addEntry(redis, { entityId, type: "stake" });
    await waitUntil(async () => (await redis.exists(key)) === 0, { what: "the hash to go again" });
    await untilAcknowledged();
    await untilRuns(1);
  });

  test("paused it starts nothing, and its loop still shows life; resumed it goes on", async () => {
    await startWorker();
    await startBridge(client, bridgeChainId);
    await bridge.signal(stakeMessageNames.pause);
    await waitUntil(async () => (await progress()).queue !== null, {
      what: "the call in flight to end",
      timeoutMs: 120_000,
      everyMs: 500,
    });
    await redis.del("last-check");
    const { hash } = await produce(redis);
    await waitUntil(async () => (await redis.exists("last-check")) === 1, {
      what: "a sign of life while paused",
      timeoutMs: 120_000,
    });
    expect(await wasStarted(hash)).toBe(false);
    expect((await redis.xInfoGroups(streamKey))[0]).toMatchObject({ "last-delivered-id": "0-0" });
    expect(await currentDetails(bridge)).toContain("**Paused**");
    await bridge.signal(stakeMessageNames.resume);
    await untilRuns(1);
  });

  test("cancelled it ends, and what comes later waits in the stream for the next start", async () => {
    await startWorker();
    await startBridge(client, bridgeChainId);
    await produce(redis);
    await untilRuns(1);
    await bridge.cancel();
    await expect(bridge.result()).rejects.toThrow();
    expect((await bridge.describe()).status.name).toBe("CANCELLED");
    await produce(redis);
    await startBridge(client, bridgeChainId);
    await untilRuns(2);
  });

  test("shadow mode looks at what the reference is served, and starts nothing", async () => {
    await redis.xGroupCreate(streamKey, bridgeGroup, "0", { MKSTREAM: true });
    const { key, hash } = await produce(redis);
    await startWorker({ shadow: true });
    await startBridge(client, bridgeChainId);
    await waitUntil(
      async () =>
        (await redis.xInfoGroups(streamKey)).some(
          (group) =>
            group.name.endsWith("-shadow") && group["entries-read"] === 1 && group.pending === 0,
        ),
      { what: "the shadow's look to be over" },
    );
    expect(await wasStarted(hash)).toBe(false);
    expect(await redis.hGetAll(key)).toEqual(hash);
    expect(await redis.exists("last-check")).toBe(0);
    // The reference finds its entry untouched.
    const [mine] = (await redis.xInfoGroups(streamKey)).filter(({ name }) => name === bridgeGroup);
    expect(mine).toMatchObject({ pending: 0, lag: 1 });
  });
});
