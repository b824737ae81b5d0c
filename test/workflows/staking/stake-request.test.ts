import { afterAll, beforeAll, expect, test } from "vitest";
import type { StakeRequestStatus } from "../../../src/workflows/staking/request-shapes.ts";
import { modelCall } from "../../support/model-chain.ts";
import { outcomeOf, type StakingEnv, startStakingEnv } from "../../support/staking-env.ts";
import { currentDetails, untilQuery } from "../../support/workflow-env.ts";

let env: StakingEnv;
beforeAll(async () => {
  env = await startStakingEnv();
});
afterAll(() => env.stop());

test("it waits for its user and goes on when the user has done their part", async () => {
  const { fake, ask } = await env.desk();
  fake.chain.unready.add(modelCall(1).owner);
  const handle = await ask(1);
  const waiting = await untilQuery<StakeRequestStatus>(
    handle,
    "status",
    ({ state }) => state === "waiting",
  );
  expect(waiting).toMatchObject({ isFinal: false, reason: { code: "allowance" }, nonce: null });
  expect(await currentDetails(handle)).toContain("**Waiting**");
  expect(fake.countOf("prepareCalls")).toBe(0);

  fake.chain.unready.clear();

  const { status } = await outcomeOf(handle);
  expect(status).toMatchObject({ state: "succeeded", reason: null });
  expect(fake.requests.map(({ state }) => state)).toEqual(["waiting", "broadcast", "succeeded"]);
});

test("it expires while it waits, without gas, and the same request may be asked again", async () => {
  const { fake, ask } = await env.desk();
  fake.chain.unready.add(modelCall(1).owner);
  const expiresAt = new Date(Date.now() + 10_000).toISOString();
  expect(await outcomeOf(await ask(1, { expiresAt }))).toMatchObject({
    failedAs: "expired",
    status: { state: "expired", isFinal: true, nonce: null, reason: { code: "allowance" } },
  });
  expect(fake.chain.mined).toEqual([]);

  fake.chain.unready.clear();
  expect((await outcomeOf(await ask(1))).status.state).toBe("succeeded");
});

test("cancelled before it has a nonce it ends at once; a signal and a cancellation do the same", async () => {
  const { fake, ask } = await env.desk();
  for (const number of [1, 2]) {
    fake.chain.unready.add(modelCall(number).owner);
    const handle = await ask(number);
    await untilQuery<StakeRequestStatus>(handle, "status", ({ state }) => state === "waiting");
    await (number === 1 ? handle.signal("cancel") : handle.cancel());
    expect(await outcomeOf(handle)).toMatchObject({
      failedAs: "cancelled",
      status: { state: "cancelled", nonce: null },
    });
  }
});

test("a signature that a stranger burned is told so, without a nonce", async () => {
  const { fake, ask } = await env.desk();
  fake.chain.burned.add(modelCall(1).signature);
  expect(await outcomeOf(await ask(1))).toMatchObject({
    failedAs: null,
    status: { state: "signature_burned", nonce: null, reason: { code: "signature_burned" } },
  });
  expect(fake.countOf("signTransactions")).toBe(0);
});

test("a stranger who burns the signature while it is under way costs one revert, and the user hears it", async () => {
  const { fake, ask, signer } = await env.desk({ blockMs: null });
  const handle = await ask(1);
  await untilQuery<{ slots: { stage: string }[] }>(
    signer,
    "status",
    ({ slots }) => slots[0]?.stage === "broadcast",
  );
  fake.chain.burned.add(modelCall(1).signature);
  fake.startMining();
  const { status } = await outcomeOf(handle);
  expect(status).toMatchObject({
    state: "signature_burned",
    nonce: null,
    revertedTransaction: { nonce: 0, gasUsed: "45000" },
  });
  expect(fake.chain.mined).toHaveLength(1);
});

test("a node that is away is shown as the reason; the request goes on by itself", async () => {
  const { fake, ask } = await env.desk();
  fake.broken.add("checkRequest");
  const handle = await ask(1);
  await untilQuery<StakeRequestStatus>(
    handle,
    "status",
    ({ reason }) => reason?.code === "node_away",
  );
  fake.broken.clear();
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
});

test("a table of transactions that is away changes no outcome", async () => {
  const { fake, ask } = await env.desk();
  fake.broken.add("recordTransactions");
  const { status } = await outcomeOf(await ask(1));
  expect(status.state).toBe("succeeded");
});

test("an input that cannot be run ends the workflow with words", async () => {
  const { ask } = await env.desk();
  for (const input of [{ v: 2 }, { signer: "0xAB" }, { call: { kind: "stake" } }]) {
    const handle = await ask(1, input);
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: "RequestRefusedError" },
    });
  }
});

test("a signer that ends at once is not started again and again: its requests wait between the tries", async () => {
  const { fake, ask } = await env.desk();
  fake.deafSigner = true;
  const handle = await ask(1);
  await untilQuery<StakeRequestStatus>(handle, "status", ({ state }) => state === "queued");
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(fake.countOf("ensureSigner")).toBeLessThan(6);

  fake.deafSigner = false;
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
});
