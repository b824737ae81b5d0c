import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";
import { modelCall } from "../../support/model-chain.ts";
import {
  outcomeOf,
  type StakingDesk,
  type StakingEnv,
  startStakingEnv,
} from "../../support/staking-env.ts";
import { currentDetails, untilQuery } from "../../support/workflow-env.ts";

let env: StakingEnv;
beforeAll(async () => {
  env = await startStakingEnv();
});
afterAll(() => env.stop());

const quick = { rebroadcastAfterMs: 500, bumpAfterMs: 2000 };

const untilSigner = ({ signer }: StakingDesk, accept: (status: SignerStatus) => boolean) =>
  untilQuery<SignerStatus>(signer, "status", accept);

const submission = (number: number) => ({
  requestId: `stake/none/${number}`,
  call: modelCall(number),
  expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
});

test("a request is checked, gets a nonce, is sent, mined and final, and everybody hears of it", async () => {
  const desk = await env.desk();
  const { fake } = desk;
  const handle = await desk.ask(1, { entity: { type: "stake", entityId: "01HX" } });

  const { failedAs, status } = await outcomeOf(handle);

  expect(failedAs).toBeNull();
  expect(status).toMatchObject({ state: "succeeded", isFinal: true, nonce: 0, stakeId: "7000001" });
  expect(fake.chain.mined).toMatchObject([{ hash: status.transactionHash, status: "success" }]);
  expect(fake.requests.map(({ state }) => state)).toEqual(["broadcast", "succeeded"]);
  expect(fake.announced).toEqual([status]);
  expect(fake.entities).toEqual([
    { entityId: "01HX", transactionHash: status.transactionHash, isFinal: false },
    { entityId: "01HX", transactionHash: status.transactionHash, isFinal: true },
  ]);
  await waitUntil(() => fake.records.length === 3, { what: "rows" });
  expect(fake.records.map(({ state, attempt }) => `${attempt} ${state}`)).toEqual([
    "1 broadcast",
    "1 mined",
    "1 final",
  ]);
  const told = await untilSigner(desk, ({ slots }) => slots.length === 0);
  expect(told).toMatchObject({ nextNonce: 1, standsStill: null, alarms: [], queued: 0 });
  const details = await currentDetails(desk.signer);
  expect(details).toContain("**Running**");
  expect(details).toContain("1 succeeded, 0 reverted, 0 cancelled");
  expect(details).not.toContain(modelCall(1).signature);
});

test("36. a hundred starts of one request make one transaction", async () => {
  const { fake, ask, signerStatus } = await env.desk();
  const handles = await Promise.all(Array.from({ length: 100 }, () => ask(1)));
  const runs = new Set(handles.map((handle) => handle.workflowId));
  expect(runs.size).toBe(1);
  const [handle] = handles;
  if (!handle) throw new Error("no handle");
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
  await expect(ask(1)).rejects.toMatchObject({ name: "WorkflowExecutionAlreadyStartedError" });
  expect(fake.chain.mined).toHaveLength(1);
  expect((await signerStatus()).nextNonce).toBe(1);
});

test("many requests travel in batches, each with one transaction", async () => {
  const { fake, ask } = await env.desk();
  const handles = await Promise.all(Array.from({ length: 30 }, (_, index) => ask(index + 1)));
  const outcomes = await Promise.all(handles.map(outcomeOf));
  expect(outcomes.map(({ status }) => status.state)).toEqual(handles.map(() => "succeeded"));
  expect(new Set(outcomes.map(({ status }) => status.nonce)).size).toBe(30);
  expect(fake.chain.mined).toHaveLength(30);
  expect(fake.countOf("signTransactions")).toBeLessThan(30);
});

test("27. a transaction that the pool dropped is sent again, the same bytes", async () => {
  const desk = await env.desk({ blockMs: null });
  const { fake } = desk;
  await desk.startSigner({ ...quick, bumpAfterMs: 60_000 });
  const handle = await desk.ask(1);
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "broadcast");
  const [sent] = fake.chain.pooled;
  fake.chain.drop();

  const again = await waitUntil(() => fake.chain.pooled[0], { what: "sent" });
  expect(again).toEqual(sent);
  await untilSigner(desk, ({ counts }) => counts.drops === 1);
  fake.startMining();
  expect((await outcomeOf(handle)).status).toMatchObject({
    state: "succeeded",
    transactionHash: sent?.hash,
  });
});

test("a broadcast whose answer is lost is sent again, and counts once", async () => {
  const { fake, ask, signer } = await env.desk();
  fake.lostBroadcasts = 7;
  const { status } = await outcomeOf(await ask(1));
  expect(status.state).toBe("succeeded");
  expect(fake.chain.mined).toHaveLength(1);
  expect((await signer.query<SignerStatus>("status")).nextNonce).toBe(1);
});

test("28. when the base fee passes what was offered, both fees rise and it is mined", async () => {
  const desk = await env.desk({ blockMs: null });
  const { fake } = desk;
  await desk.startSigner(quick);
  const handle = await desk.ask(1);
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "broadcast");
  fake.chain.baseFee = 8_000_000_000n;
  fake.startMining();
  const { status } = await outcomeOf(handle);
  expect(status.state).toBe("succeeded");
  const signed = fake.records.filter(({ state }) => state === "broadcast");
  expect(signed.length).toBeGreaterThan(1);
  expect(fake.records.filter(({ state }) => state === "replaced").length).toBe(signed.length - 1);
});

test("31. a cancellation races a transaction under way by a NOOP of its nonce", async () => {
  const desk = await env.desk({ blockMs: null });
  const { fake } = desk;
  const handle = await desk.ask(1);
  await untilQuery<SignerStatus>(handle, "status", (status: unknown) =>
    JSON.stringify(status).includes('"broadcast"'),
  );
  await handle.signal("cancel");
  await untilSigner(desk, ({ slots }) => slots[0]?.kind === "noop");
  fake.startMining();
  expect(await outcomeOf(handle)).toMatchObject({
    failedAs: "cancelled",
    status: { state: "cancelled", nonce: 0 },
  });
  expect(fake.chain.mined).toMatchObject([{ content: { call: null } }]);
});

test("32. a mined transaction whose block left the chain is sent again and ends well", async () => {
  const desk = await env.desk({ blockMs: null });
  const { fake } = desk;
  fake.chain.finalityDepth = 5;
  const handle = await desk.ask(1);
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "broadcast");
  fake.chain.mine();
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "mined");
  fake.chain.reorg(2);
  await untilSigner(
    desk,
    ({ counts, slots }) => counts.reorgs === 1 && slots[0]?.stage === "broadcast",
  );
  fake.startMining();
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
  expect(fake.chain.mined).toHaveLength(1);
});

test("34. a foreign transaction takes the nonce: an alarm, and a second nonce when that is final", async () => {
  const desk = await env.desk({ blockMs: null });
  const { fake } = desk;
  const handle = await desk.ask(1);
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "broadcast");
  fake.chain.mineForeign();
  const alarmed = await untilSigner(desk, ({ standsStill }) => standsStill === "foreign_nonce");
  expect(alarmed.alarms).toEqual([expect.stringContaining("nonce 0")]);
  expect(await currentDetails(desk.signer)).toContain("somebody else used a nonce");
  fake.startMining();
  expect((await outcomeOf(handle)).status).toMatchObject({ state: "succeeded", nonce: 1 });
  expect(fake.chain.mined).toHaveLength(2);
});

test("35. what is mined and reverted ends there, with its reason: exactly one transaction", async () => {
  const { fake, ask } = await env.desk();
  fake.chain.outOfGas.add(modelCall(1).signature);
  const { failedAs, status } = await outcomeOf(await ask(1));
  expect({ failedAs, state: status.state, code: status.reason?.code }).toEqual({
    failedAs: null,
    state: "reverted",
    code: "reverted",
  });
  expect(fake.chain.mined).toHaveLength(1);
});

test("40. low balance holds new nonces up and ends by itself", async () => {
  const desk = await env.desk();
  const { fake } = desk;
  fake.chain.fund(10n ** 18n - fake.chain.balance);
  const handle = await desk.ask(1);
  const low = await untilSigner(desk, ({ standsStill }) => standsStill === "low_balance");
  expect(low).toMatchObject({ queued: 1, inFlight: 0 });
  fake.chain.fund(10n ** 19n);
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
});

test("44. a full queue refuses an update, and gives a signalled request back to wait", async () => {
  const desk = await env.desk();
  const signer = await desk.startSigner({ queueLimit: 1 });
  expect(await signer.executeUpdate("pause")).toEqual({ paused: true });
  expect(await signer.executeUpdate("submit", { args: [submission(1)] })).toEqual({
    requestId: "stake/none/1",
    position: 1,
  });
  expect(await signer.executeUpdate("submit", { args: [submission(1)] })).toMatchObject({
    position: 1,
  });
  await expect(signer.executeUpdate("submit", { args: [submission(2)] })).rejects.toMatchObject({
    cause: { type: "RequestRefusedError", message: expect.stringContaining("the queue is full") },
  });
  const handle = await desk.ask(3);
  await untilQuery<{ state: string; reason: { code: string } | null }>(
    handle,
    "status",
    ({ state, reason }) => state === "waiting" && reason?.code === "queue_full",
  );
});

test("paused, it takes requests in and gives no nonce; resumed, it goes on", async () => {
  const desk = await env.desk();
  const signer = await desk.startSigner();
  await signer.executeUpdate("pause");
  const handle = await desk.ask(1);
  await untilQuery<{ reason: { code: string } | null }>(
    handle,
    "status",
    ({ reason }) => reason?.code === "paused",
  );
  expect(await desk.signerStatus()).toMatchObject({ standsStill: "paused", queued: 1 });
  expect(await currentDetails(signer)).toContain("**Paused");
  expect(await signer.executeUpdate("resume")).toEqual({ paused: false });
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
});

test("a policy changes field by field, and what is wrong is refused with words", async () => {
  const desk = await env.desk();
  const signer = await desk.startSigner();
  const policy = await signer.executeUpdate("setPolicy", { args: [{ maxInFlight: 2 }] });
  expect(policy).toMatchObject({ maxInFlight: 2, queueLimit: 1000 });
  for (const body of [{ maxInFlight: 17 }, { colour: "red" }, {}, null, "fast"]) {
    await expect(signer.executeUpdate("setPolicy", { args: [body] })).rejects.toMatchObject({
      cause: { type: "RequestRefusedError" },
    });
  }
  await expect(signer.executeUpdate("bump", { args: [{ nonce: "7" }] })).rejects.toMatchObject({
    cause: { type: "RequestRefusedError" },
  });
  expect(await signer.executeUpdate("bump", { args: [{}] })).toEqual({ nonces: [] });
  expect((await desk.signerStatus()).policy.maxInFlight).toBe(2);
});

test("bad signals change nothing and are shown", async () => {
  const desk = await env.desk();
  const signer = await desk.startSigner();
  for (const body of ["nonsense", null, { requestId: 5 }, { call: {} }]) {
    await signer.signal("submit", body);
    await signer.signal("withdraw", body);
  }
  const status = await untilSigner(desk, ({ lastError }) => lastError !== null);
  expect(status).toMatchObject({ queued: 0, lastError: 'a signal "withdraw" could not be read' });
  const handle = await desk.ask(1);
  await handle.signal("settled", { kind: "succeeded" });
  await handle.signal("progressed", "soon");
  expect((await outcomeOf(handle)).status).toMatchObject({ state: "succeeded", nonce: 0 });
});

test("a node that is away is shown, and the work goes on when it is back", async () => {
  const desk = await env.desk();
  const { fake } = desk;
  fake.broken.add("prepareCalls");
  const handle = await desk.ask(1);
  const away = await untilSigner(desk, ({ standsStill }) => standsStill === "node_away");
  expect(away.alarms).toEqual([expect.stringContaining("The node is away.")]);
  fake.broken.clear();
  expect((await outcomeOf(handle)).status.state).toBe("succeeded");
  expect((await desk.signerStatus()).standsStill).toBeNull();
});

test("37. a request that makes every look fail holds up nothing but itself", async () => {
  const desk = await env.desk();
  await desk.startSigner();
  await desk.signer.executeUpdate("pause");
  desk.fake.poisonous.add(modelCall(1).owner);
  const [, ...good] = await Promise.all([1, 2, 3].map((number) => desk.ask(number)));
  await untilSigner(desk, ({ queued }) => queued === 3);
  await desk.signer.executeUpdate("resume");
  const outcomes = await Promise.all(good.map(outcomeOf));
  expect(outcomes.map(({ status }) => status.state)).toEqual(["succeeded", "succeeded"]);
  expect(await desk.signerStatus()).toMatchObject({ queued: 1, nextNonce: 2 });
});

test("37. as many of them as may be in flight hold up nothing but themselves", async () => {
  const desk = await env.desk();
  await desk.startSigner({ maxInFlight: 2 });
  await desk.signer.executeUpdate("pause");
  for (const number of [1, 2]) desk.fake.poisonous.add(modelCall(number).owner);
  for (const number of [1, 2]) {
    await desk.ask(number);
    await untilSigner(desk, ({ queued }) => queued === number);
  }
  const good = await desk.ask(3);
  await untilSigner(desk, ({ queued }) => queued === 3);
  await desk.signer.executeUpdate("resume");
  expect((await outcomeOf(good)).status.state).toBe("succeeded");
  expect(await desk.signerStatus()).toMatchObject({ queued: 2, nextNonce: 1 });
});

test("cancelled, it gives no new nonce, waits for what is open and ends with its last status", async () => {
  const desk = await env.desk({ blockMs: null });
  const { fake, signer } = desk;
  const open = await desk.ask(1);
  await untilSigner(desk, ({ slots }) => slots[0]?.stage === "broadcast");
  await signer.cancel();
  await untilSigner(desk, () => true);
  expect(await currentDetails(signer)).toContain("**Stopping");
  fake.startMining();
  expect((await outcomeOf(open)).status.state).toBe("succeeded");
  expect(await signer.result()).toMatchObject({ nextNonce: 1, slots: [], queued: 0 });

  const later = await desk.ask(2);
  expect((await outcomeOf(later)).status).toMatchObject({ state: "succeeded", nonce: 1 });
});

test("each of its calls says in Temporal's UI what it is about", async () => {
  const desk = await env.desk();
  await outcomeOf(await desk.ask(1));
  await untilSigner(desk, ({ slots }) => slots.length === 0);
  const { events = [] } = await desk.signer.fetchHistory();
  const summaries = (events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: call, userMetadata }) =>
      call
        ? [
            `${call.activityType?.name}: ${Buffer.from(userMetadata?.summary?.data ?? []).toString()}`,
          ]
        : [],
  );
  const kinds = summaries.map((summary) => summary.replaceAll(/\d+/g, "N"));
  expect([...new Set(kinds)].toSorted()).toEqual([
    'broadcastTransactions: "nonce N"',
    'prepareCalls: "N request"',
    'readReceipts: "nonce N"',
    'recordTransactions: "nonce N"',
    'signTransactions: "nonce N"',
    'watchAccount: "until more than N are mined or N final, N s at most"',
  ]);
  expect(summaries).toContain('signTransactions: "nonce 0"');
});
