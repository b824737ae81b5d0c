import type { WorkflowHandle } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";
import { modelCall } from "../../support/model-chain.ts";
import { outcomeOf, type StakingEnv, startStakingEnv } from "../../support/staking-env.ts";
import { untilQuery, untilRuns } from "../../support/workflow-env.ts";

let env: StakingEnv;
beforeAll(async () => {
  env = await startStakingEnv({
    dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "60" },
  });
});
afterAll(() => env.stop());

test("41. amid open slots the signer continues as new and loses none of them", async () => {
  const { fake, ask, signer, startSigner } = await env.desk({ blockMs: null });
  // No other bytes for a nonce, however long the next run lets itself be waited for.
  await startSigner({ bumpAfterMs: 600_000 });
  const first = await Promise.all([1, 2, 3].map((number) => ask(number)));
  await untilQuery<SignerStatus>(
    signer,
    "status",
    ({ slots }) => slots.length === 3 && slots.every(({ stage }) => stage === "broadcast"),
  );
  const sent = fake.chain.pooled.map(({ hash }) => hash);
  await untilRuns(env, signer, 2);
  const carried = await untilQuery<SignerStatus>(signer, "status", () => true);
  expect(carried.slots.map(({ nonce, transactionHash }) => [nonce, transactionHash])).toEqual(
    sent.map((hash, nonce) => [nonce, hash]),
  );

  fake.startMining();
  const later = await Promise.all(Array.from({ length: 12 }, (_, index) => ask(index + 10)));
  const outcomes = await Promise.all([...first, ...later].map(outcomeOf));

  expect(outcomes.map(({ status }) => status.state)).toEqual(outcomes.map(() => "succeeded"));
  expect(fake.chain.mined).toHaveLength(15);
  expect(new Set(outcomes.map(({ status }) => status.nonce)).size).toBe(15);
  await untilRuns(env, signer, 3);
});

test("41. a request that waits for long continues as new, and still ends once", async () => {
  const { fake, ask, chainId } = await env.desk();
  fake.chain.unready.add(modelCall(1).owner);
  const handle = await ask(1);
  await untilQuery<{ state: string }>(handle, "status", ({ state }) => state === "waiting");
  const runId = handle.workflowId;
  // Words that say nothing make history too.
  for (let words = 0; words < 60; words += 1) await handle.signal("progressed", words);
  await untilRuns(env, handle, 2);
  fake.chain.unready.clear();
  const running = env.client.workflow.getHandle(runId);
  const { status } = await outcomeOf(running);
  expect(status).toMatchObject({ state: "succeeded", chainId });
  expect(fake.announced).toHaveLength(1);
});

test("35. an outcome that comes while a request makes room for its next run is not lost: nothing is sent twice", async () => {
  const { fake, ask, signer, signerStatus } = await env.desk({ blockMs: null });
  const call = modelCall(1);
  fake.chain.outOfGas.add(call.signature);
  // The table is away, so that the run cannot end before it has noted where it stands.
  fake.broken.add("recordRequest");
  const handle = await ask(1);
  const running = env.client.workflow.getHandle(handle.workflowId);
  await untilQuery<{ state: string }>(running, "status", ({ state }) => state === "broadcast");
  for (let words = 0; words < 60; words += 1) await running.signal("progressed", words);
  fake.startMining(50);
  await untilQuery<SignerStatus>(signer, "status", ({ counts }) => counts.reverted === 1);
  await waitUntil(async () => (await isHeard(running)) > 0, { what: "settled" });

  fake.broken.delete("recordRequest");

  const { status } = await outcomeOf(running);
  expect(status).toMatchObject({ state: "reverted", nonce: 0 });
  expect((await signerStatus()).nextNonce).toBe(1);
});

/** How often the request was told its outcome. */
async function isHeard(handle: WorkflowHandle): Promise<number> {
  const { events = [] } = await handle.fetchHistory();
  return (events ?? []).filter(
    ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === "settled",
  ).length;
}
