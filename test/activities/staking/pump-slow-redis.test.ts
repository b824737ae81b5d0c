import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { StreamSession } from "../../../src/activities/staking/bridge-ports.ts";
import { createPumpStream } from "../../../src/activities/staking/pump-stream.ts";
import { runActivity } from "../../support/staking-activities.ts";

/** A Redis that takes longer for what comes before the first read than the whole call is to last. */
function slowSession(): StreamSession & { reads: number } {
  const session = {
    reads: 0,
    prepare: async () => [],
    readOwn: async () => [],
    readNew: async () => {
      session.reads += 1;
      return [];
    },
    loadEntity: async () => null,
    acknowledge: async () => {},
    removeEntity: async () => {},
    queue: async () => ({ unacknowledged: 0, oldestAt: null }),
    noteCheck: async () => {},
    noteInHand: async () => {},
    trim: async () => {
      await sleep(50);
    },
    close: () => {},
  };
  return session;
}

test("what is new is read though Redis was slower before than the call may last", async () => {
  const session = slowSession();
  const pump = createPumpStream({
    stream: { shadow: false, readBlockMs: 10, open: async () => session },
    requests: { start: async () => Promise.reject(new Error("there is nothing to start")) },
    checkCall: async () => ({ kind: "ready", gasLimit: "700000" }),
    requestRows: { record: async () => {}, recordPoison: async () => {} },
    meters: { stakeOutcome() {}, streamEntry() {}, streamQueue() {}, signerBalance() {} },
    now: () => new Date(),
  });
  await runActivity(pump, { chainId: 31_337, maximumSeconds: 0.02 }).result;
  expect(session.reads).toBeGreaterThan(0);
});
