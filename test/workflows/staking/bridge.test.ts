import { WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeBridgeProgress } from "../../../src/workflows/staking/bridge-shapes.ts";
import { type BridgeLoop, pumpResult, startBridgeLoop } from "../../support/bridge-loop.ts";
import { currentDetails, untilQuery } from "../../support/workflow-env.ts";

let loop: BridgeLoop;
let handle: WorkflowHandle | undefined;
beforeAll(async () => {
  loop = await startBridgeLoop({
    dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "60" },
  });
});
afterAll(() => loop.stop());
afterEach(async () => {
  await handle?.terminate().catch(() => {});
  loop.calls.length = 0;
  loop.onPump = async () => pumpResult();
});

const start = async () => (handle = await loop.start());
const until = (bridge: WorkflowHandle, accept: (progress: StakeBridgeProgress) => boolean) =>
  untilQuery<StakeBridgeProgress>(bridge, "progress", accept);
const untilCalls = (count: number) =>
  waitUntil(() => loop.calls.length >= count, { what: `${count} calls` });

test("it pumps again and again, and counts over its runs", async () => {
  loop.onPump = async () => pumpResult({ started: 1, poisoned: 1, lastPoison: "5-0: no ULID" });
  const bridge = await start();
  const { runId } = await bridge.describe();
  await untilCalls(12);
  // The run that was started is over, and another goes on where it was.
  await waitUntil(async () => (await bridge.describe()).runId !== runId, { what: "the next run" });
  const { totals } = await until(bridge, (progress) => progress.totals.started > 12);
  expect(totals.poisoned).toBe(totals.started);
  expect(await currentDetails(bridge)).toContain("5-0: no ULID");
});

test("paused it only looks; resumed it goes on at once", async () => {
  const bridge = await start();
  await untilCalls(2);
  await bridge.signal("pause");
  await waitUntil(() => loop.calls.at(-1)?.maximumSeconds === 0, { what: "a look" });
  const before = loop.calls.length;
  expect((await until(bridge, ({ paused }) => paused)).waitingFor).toBe("resume (paused)");
  await bridge.signal("resume");
  // Sooner than it would look again by itself, every 20 s.
  await waitUntil(() => loop.calls.length >= before + 2, { what: "2 calls", timeoutMs: 15_000 });
  expect(loop.calls.at(-1)?.maximumSeconds).toBeGreaterThan(0);
});

test("a pause outlives the run in which it was said", async () => {
  const bridge = await start();
  await untilCalls(1);
  for (let repeat = 0; repeat < 30; repeat += 1) await bridge.signal("pause", "again");
  await until(bridge, ({ paused }) => paused);
  await waitUntil(() => loop.calls.at(-1)?.maximumSeconds === 0, { what: "a look" });
});

test("an outage of Redis is waited for: the pump is tried again until it answers", async () => {
  let failures = 2;
  loop.onPump = async () => {
    if (failures > 0) {
      failures -= 1;
      throw ApplicationFailure.create({ type: "RedisUnavailableError", message: "away" });
    }
    return pumpResult({ started: 1 });
  };
  const bridge = await start();
  await until(bridge, ({ totals }) => totals.started > 0);
  expect(failures).toBe(0);
});

test("entries that were left for later are tried again after a pause, not at once", async () => {
  loop.onPump = async () => pumpResult({ postponed: 1, lastError: "5-0: odd" });
  const bridge = await start();
  await until(bridge, ({ postponed }) => postponed === 1);
  const calls = loop.calls.length;
  await bridge.query("progress");
  expect(loop.calls).toHaveLength(calls);
  expect(await currentDetails(bridge)).toContain("5-0: odd");
});

test("back from shadow mode the details no longer say so", async () => {
  const checked = { ready: 2, wait: 0, refused: 1, fulfilled: 0, burned: 0 };
  loop.onPump = async () => pumpResult({ checked });
  const bridge = await start();
  await until(bridge, ({ totals }) => (totals.checked?.ready ?? 0) >= 2);
  expect(await currentDetails(bridge)).toContain("shadow mode");
  loop.onPump = async () => pumpResult({ started: 1 });
  await until(bridge, ({ totals }) => totals.checked === null && totals.started > 0);
  expect(await currentDetails(bridge)).not.toContain("shadow mode");
});

test.each([
  ["another version", { v: 2 }],
  ["no chain", { chainId: "mainnet" }],
])("an input of %s is refused with words", async (_, input) => {
  handle = await loop.start(input);
  await expect(handle.result()).rejects.toSatisfy(
    (error) => error instanceof WorkflowFailedError && /changed nothing/.test(`${error.cause}`),
  );
});
