import { afterAll, beforeAll, expect, test } from "vitest";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";
import { modelCall } from "../../support/model-chain.ts";
import { outcomeOf, type StakingEnv, startStakingEnv } from "../../support/staking-env.ts";
import { currentDetails, untilQuery } from "../../support/workflow-env.ts";

let env: StakingEnv;
beforeAll(async () => {
  env = await startStakingEnv();
});
afterAll(() => env.stop());

test("37. a call that the key's worker never signs gives its nonce up: the others are mined, and its user hears why", async () => {
  const { fake, ask, signer, startSigner } = await env.desk();
  fake.chain.unsignable.add(modelCall(1).signature);
  await startSigner();
  await signer.executeUpdate("pause");
  const handles = await Promise.all([1, 2, 3].map((number) => ask(number)));
  await untilQuery<SignerStatus>(signer, "status", ({ queued }) => queued === 3);
  await signer.executeUpdate("resume");

  const [refused, ...others] = await Promise.all(handles.map(outcomeOf));

  expect(refused).toMatchObject({
    failedAs: "refused",
    status: { state: "refused", reason: { code: "signing_refused" }, transactionHash: null },
  });
  expect(others.map(({ status }) => status.state)).toEqual(["succeeded", "succeeded"]);
  const settled = await untilQuery<SignerStatus>(
    signer,
    "status",
    ({ slots }) => slots.length === 0,
  );
  expect(settled).toMatchObject({
    standsStill: null,
    counts: { refusals: 1, succeeded: 2 },
    lastError: expect.stringContaining("not signed"),
  });
  const calls = fake.chain.mined.flatMap(({ content }) => content.call ?? []);
  expect(calls.map(({ signature }) => signature)).not.toContain(modelCall(1).signature);
  expect(settled.nextNonce).toBe(fake.chain.mined.length);
  expect(await currentDetails(signer)).toContain("1 not signed");
});

test("a worker that signs nothing at all blames no call: it is shown, and the call is signed when that is mended", async () => {
  const { fake, ask, signer } = await env.desk();
  fake.signsNothing = true;
  const handle = await ask(1);
  const away = await untilQuery<SignerStatus>(
    signer,
    "status",
    ({ standsStill }) => standsStill === "node_away",
  );
  expect(away.alarms).toEqual([expect.stringContaining("sign: The transaction was not signed.")]);

  fake.signsNothing = false;

  expect((await outcomeOf(handle)).status).toMatchObject({ state: "succeeded", nonce: 0 });
  expect(fake.chain.mined).toHaveLength(1);
});
