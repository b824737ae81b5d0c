import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BlockProducer } from "../../src/dev/demo-chain/producer.ts";
import { setUpContracts } from "../../src/dev/demo-chain/setup-blocks.ts";
import { planBlock } from "../../src/dev/demo-chain/traffic.ts";
import { type FaultProxy, startFaultProxy } from "../../src/dev/fault-proxy.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startDemoAnvil } from "../support/anvil.ts";
import { createFakeWorld, type FakeWorld } from "../support/fakes.ts";

const engine = traceEngine;
const deadlineMs = 20_000;
/** A block of the set-up with calls, and the last block. */
const poisoned = 9;
const head = 10;

let anvil: Awaited<ReturnType<typeof startDemoAnvil>>;
let proxy: FaultProxy;
let world: FakeWorld;

beforeAll(async () => {
  anvil = await startDemoAnvil();
  const producer = await BlockProducer.open(anvil.url);
  const contracts = await setUpContracts(producer);
  for (const blockNumber of [poisoned, head]) {
    await producer.mine(planBlock({ seed: 1, blockNumber, contracts }));
  }
});
afterAll(async () => {
  await anvil?.stop();
});

beforeEach(async () => {
  proxy = await startFaultProxy({ targetUrl: anvil.url });
  const endpoint = { name: "proxied", url: proxy.url, headers: {} };
  const node = createExecutionNode(endpoint, { traceTimeoutMs: deadlineMs });
  world = createFakeWorld({ node, blockDeadlineMs: deadlineMs });
});
afterEach(async () => {
  await proxy.stop();
});

function start() {
  const { dependencies } = world;
  return startIndexBlocks({ dependencies, engine, input: { fromBlock: 1, toBlock: head } });
}

describe("a real node behind a proxy", () => {
  test.each([
    ["refused", "trace_refused"],
    ["short", "proof_mismatch"],
    ["empty", "proof_mismatch"],
    ["cut", "trace_cut"],
    ["garbage", "trace_malformed"],
    ["hang", "deadline_exceeded"],
  ] as const)(
    "whose trace of one block is %s fails that block alone, and the next try mends it",
    async (fault, kind) => {
      proxy.failBlock(poisoned, fault);

      const result = await start().result;

      expect(proxy.injected).toHaveLength(1);
      expect(result.failed).toEqual([{ blockNumber: poisoned, kind, reason: expect.any(String) }]);
      expect(world.ledger.winner(poisoned)).toMatchObject({ status: "failed", errorKind: kind });
      expect(world.ledger.winner(head)).toMatchObject({ status: "complete" });

      expect(await start().result).toMatchObject({ skipped: head - 1, failedCount: 0 });
      expect(world.shown(poisoned)).toBe(world.ledger.winner(poisoned)?.rowCount);
    },
  );

  test.each(["tooManyRequests", "unavailable"] as const)(
    "that answers %s is waited for, and nothing is booked",
    async (fault) => {
      proxy.failBlock(poisoned, fault, 100);
      const attempt = start();

      await expect(attempt.result).rejects.toMatchObject({ name: "NodeUnavailableError" });
      expect(attempt.heartbeats.at(-1)?.waitingFor).toContain("proxied");
      expect(world.ledger.versions.filter(({ status }) => status !== "complete")).toEqual([]);
    },
  );

  test("that is away is waited for, and nothing is booked", async () => {
    await proxy.outage(true);
    const attempt = start();

    await expect(attempt.result).rejects.toMatchObject({ name: "NodeUnavailableError" });
    expect(attempt.heartbeats.at(-1)?.waitingFor).toContain("proxied");
    expect(world.ledger.versions).toEqual([]);

    await proxy.outage(false);
    expect(await start().result).toMatchObject({ failedCount: 0, nextBlock: head + 1 });
  });
});
