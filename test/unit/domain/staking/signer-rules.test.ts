import { describe, expect, test } from "vitest";
import { toSend, toSign } from "../../../../src/domain/staking/attempts.ts";
import { chooseBatch } from "../../../../src/domain/staking/dispatch.ts";
import { receiptsRead } from "../../../../src/domain/staking/settlement.ts";
import { signerStatus } from "../../../../src/domain/staking/signer-status.ts";
import { requestId, SignerModel } from "./signer-model.ts";

const day = 86_400_000;

/** A signer with so many requests of as many owners, sent and not mined. */
function withSent(count = 1): SignerModel {
  const model = new SignerModel();
  for (let number = 1; number <= count; number += 1) model.submitNew(number, number, day);
  model.round(false);
  return model;
}

function statusOf(model: SignerModel) {
  const { nowMs } = model;
  return signerStatus(model.state, {
    chainId: 31337,
    address: "0x01",
    faults: { holding: null, other: null },
    nowMs,
  });
}

const hashesOf = (model: SignerModel, index = 0) =>
  model.state.slots[index]?.attempts.map(({ hash }) => hash) ?? [];

describe("what is sent again", () => {
  test("27. a transaction that the pool dropped is sent again, the same bytes, with the same hash", () => {
    const model = withSent();
    const [before] = model.chain.pooled;
    model.chain.drop();
    expect(toSend(model.state, model.nowMs + 14_999)).toEqual([]);
    model.nowMs += 15_000;

    model.round(true);

    expect(model.chain.mined).toMatchObject([{ hash: before?.hash }]);
    expect(model.state.counts).toMatchObject({ rebroadcasts: 1, drops: 1, bumps: 0 });
  });

  test("27. what is sent again while the pool still has it was not dropped, nor what left the chain with its block", () => {
    const model = withSent();
    model.nowMs += 15_000;
    model.round(true);
    expect(model.state.counts).toMatchObject({ rebroadcasts: 1, drops: 0 });
    model.round(false);
    model.chain.reorg(1);
    model.chain.drop();
    model.round(false);
    model.round(true);
    expect(model.state.counts).toMatchObject({ rebroadcasts: 2, drops: 0, reorgs: 1 });
  });

  test.each([1, 2, 3])("32. a reorg of depth %i sends the same bytes at once", (depth) => {
    const model = withSent();
    const [hash] = hashesOf(model);
    model.chain.mine();
    for (let blocks = 1; blocks < depth; blocks += 1) model.chain.mine();
    model.round(false);
    expect(model.state.slots[0]?.receipt).toMatchObject({ hash });

    model.chain.reorg(depth);
    model.round(false);
    expect(model.state.slots[0]?.receipt).toBeNull();
    model.round(true);

    expect(model.chain.mined).toMatchObject([{ hash }]);
    expect(model.state.counts).toMatchObject({ reorgs: 1, bumps: 0 });
    model.calmDown();
    model.checkOutcomes();
  });
});

describe("what is bumped", () => {
  test("28. when the base fee passes what was offered, both fees rise by 10 % or more, up to the market", () => {
    const model = withSent();
    model.chain.baseFee = 8_000_000_000n;
    model.nowMs += 31_000;
    model.chain.mine();
    model.round(false);
    model.round(true);

    expect(model.state.slots[0]?.attempts).toMatchObject([
      { maxFeePerGasWei: "3000000000", maxPriorityFeePerGasWei: "1000000000" },
      { maxFeePerGasWei: "17100000000", maxPriorityFeePerGasWei: "1100000000" },
    ]);
    model.calmDown();
    model.checkOutcomes();
    expect(model.state.counts).toMatchObject({ bumps: 1, succeeded: 1 });
  });

  test("a chain that stands still is not bid against, and of those that wait only the lowest nonce is bumped", () => {
    const model = withSent(3);
    model.chain.drop();
    model.nowMs += 31_000;
    expect(toSign(model.state, model.nowMs)).toEqual([]);
    model.chain.mine();
    model.start("watch");
    model.happen(0, "heard");
    expect(toSign(model.state, model.nowMs).map(({ nonce }) => nonce)).toEqual([0]);
  });

  test("29. at the cap nothing is bumped or lost: an alarm, the same bytes again, and it is mined when fees fall", () => {
    const model = new SignerModel();
    model.setCap("3100000000");
    model.submitNew(1, 1, day);
    model.round(false);
    const [hash] = hashesOf(model);
    model.chain.baseFee = 40_000_000_000n;
    model.nowMs += 31_000;
    model.chain.mine();
    model.round(true);
    expect(statusOf(model)).toMatchObject({
      standsStill: "fee_cap",
      slots: [{ attempts: 1 }],
      alarms: [
        expect.stringContaining("fee_cap: nonce 0 cannot be bumped"),
        "fee_cap: the base fee is above the cap",
      ],
    });
    expect(model.state.counts.rebroadcasts).toBeGreaterThan(0);

    model.chain.baseFee = 1_000_000_000n;
    model.nowMs += 16_000;
    model.round(true);

    expect(model.chain.mined).toMatchObject([{ hash }]);
    expect(statusOf(model)).toMatchObject({ standsStill: null, alarms: [] });
  });

  test("30. the older attempt may be mined after the bump: that is a success too", () => {
    const model = withSent();
    const [older] = model.chain.pooled;
    model.bump();
    model.round(false);
    expect(hashesOf(model)).toHaveLength(2);
    model.chain.drop();
    if (older) model.chain.send(older);
    model.chain.mine();
    model.calmDown();

    model.checkOutcomes();
    expect(model.outcomes.get(requestId(1))).toMatchObject([
      { kind: "succeeded", transactionHash: older?.hash },
    ]);
  });
});

describe("what is taken back", () => {
  test("31. a cancellation races the original by a NOOP of its nonce: either wins, and the outcome says which", () => {
    for (const winner of ["noop", "call"] as const) {
      const model = withSent();
      const [call] = model.chain.pooled;
      model.withdraw(0);
      model.round(false);
      expect(model.state.slots[0]?.attempts.map(({ kind }) => kind)).toEqual(["call", "noop"]);
      if (winner === "call" && call) {
        model.chain.drop();
        model.chain.send(call);
      }
      model.chain.mine();
      model.calmDown();
      model.checkOutcomes();
      const kind = winner === "noop" ? "cancelled" : "succeeded";
      expect(model.outcomes.get(requestId(1))).toMatchObject([{ kind, nonce: 0 }]);
    }
  });

  test("a queued request leaves at once, without a nonce; so does one that expires", () => {
    const model = new SignerModel();
    model.pause(true);
    model.submitNew(1, 1, day);
    model.submitNew(2, 2, 1000);
    model.withdraw(0);
    model.nowMs += 2000;
    model.round(false);
    model.deliver(true);
    expect([...model.outcomes.values()]).toEqual([
      [{ kind: "cancelled", nonce: null }],
      [{ kind: "expired", nonce: null }],
    ]);
    expect(model.state.nextNonce).toBe(0);
  });

  test("one that expires while it waits to be mined makes room for a NOOP", () => {
    const model = new SignerModel();
    model.submitNew(1, 1, 20_000);
    model.round(false);
    model.nowMs += 21_000;
    model.round(false);
    model.calmDown();
    expect(model.outcomes.get(requestId(1))).toEqual([{ kind: "expired", nonce: 0 }]);
  });
});

describe("what others do with the account", () => {
  test("34. a foreign transaction takes the nonce: an alarm, no new nonce until it is final, then a second one", () => {
    const model = withSent();
    model.chain.mineForeign();
    model.round(false);
    model.submitNew(2, 2, day);
    model.nowMs += 60_000;
    model.round(true);
    expect(statusOf(model)).toMatchObject({
      standsStill: "foreign_nonce",
      queued: 1,
      slots: [{ nonce: 0, requestId: requestId(1) }],
    });

    model.calmDown();

    model.checkOutcomes();
    expect(model.outcomes.get(requestId(1))).toMatchObject([{ kind: "succeeded", nonce: 1 }]);
    expect(model.outcomes.get(requestId(2))).toMatchObject([{ kind: "succeeded", nonce: 2 }]);
    expect(model.state.counts.foreignNonces).toBe(1);
  });

  test("a gap beneath ours, where a foreign transaction left the chain, is filled by a NOOP after a minute", () => {
    const model = new SignerModel();
    model.chain.mineForeign();
    model.submitNew(1, 1, day);
    model.round(false);
    expect(statusOf(model).slots).toMatchObject([{ nonce: 1 }]);
    model.chain.reorg(1);
    model.round(false);
    expect(statusOf(model)).toMatchObject({ standsStill: "node_away", slots: [{ nonce: 1 }] });
    model.nowMs += 61_000;
    model.round(true);
    expect(model.chain.mined).toMatchObject([
      { content: { nonce: 0, call: null } },
      { content: { nonce: 1, call: { kind: "stake" } } },
    ]);
    model.calmDown();
    model.checkOutcomes();
  });

  test("24. a replica that lags, and a receipt that comes late, change nothing", () => {
    const model = withSent();
    model.chain.mine();
    model.start("watch", 1);
    model.happen(0, "heard");
    expect(statusOf(model)).toMatchObject({ standsStill: null, slots: [{ stage: "broadcast" }] });
    model.start("watch");
    model.happen(0, "heard");
    const asOf = model.chain.view();
    model.state = receiptsRead(
      model.state,
      { asOf, items: [{ nonce: 0, receipt: null }] },
      model.nowMs,
    );
    expect(statusOf(model)).toMatchObject({ standsStill: "foreign_nonce", queued: 0 });
    model.round(false);
    expect(statusOf(model)).toMatchObject({ standsStill: null, slots: [{ stage: "mined" }] });
    model.start("watch", 1);
    model.happen(0, "heard");
    expect(statusOf(model)).toMatchObject({ nextNonce: 1, slots: [{ stage: "mined" }] });
  });

  test("35. what is mined and runs out of gas ends there: exactly one transaction", () => {
    const model = new SignerModel();
    model.submitNew(1, 1, day);
    const call = model.state.queue[0]?.call;
    if (call) model.chain.outOfGas.add(call.signature);
    model.calmDown();
    expect(model.chain.mined).toHaveLength(1);
    expect(model.outcomes.get(requestId(1))).toMatchObject([
      { kind: "reverted", reason: { code: "reverted" }, verdict: { kind: "ready" } },
    ]);
  });
});

describe("what limits it", () => {
  test("36. the same request a hundred times has one nonce and one transaction, before and after it is done", () => {
    const model = new SignerModel();
    for (let times = 0; times < 50; times += 1) model.submitNew(1, 1, day);
    model.round(false);
    for (let times = 0; times < 50; times += 1) model.submitNew(1, 1, day);
    model.calmDown();
    expect(model.chain.mined).toHaveLength(1);
    expect(model.outcomes.get(requestId(1))).toHaveLength(1);

    model.submitNew(1, 1, day);
    model.round(true);
    model.deliver(true);
    expect(model.chain.mined).toHaveLength(1);
    expect(model.outcomes.get(requestId(1))).toMatchObject([{ nonce: 0 }, { nonce: 0 }]);
  });

  test("requests of one owner go one after the other, other owners pass them", () => {
    const model = new SignerModel();
    model.submitNew(1, 1, day);
    model.submitNew(2, 1, day);
    model.submitNew(3, 3, day);
    expect(chooseBatch(model.state, model.nowMs).map((request) => request.requestId)).toEqual([
      requestId(1),
      requestId(3),
    ]);
    model.calmDown();
    model.checkOutcomes();
  });

  test("40. below the reserve no nonce is given; filled up, it goes on by itself", () => {
    const model = new SignerModel();
    model.chain.fund(10n ** 18n - model.chain.balance);
    model.submitNew(1, 1, day);
    model.round(false);
    expect(statusOf(model)).toMatchObject({
      standsStill: "low_balance",
      queued: 1,
      alarms: ["low_balance: 1 ETH (1000000000000000000 wei)"],
    });
    model.deliver(true);
    expect(model.outcomes.size).toBe(0);

    model.chain.fund(10n ** 18n);
    model.round(true);
    model.round(true);

    expect(statusOf(model)).toMatchObject({ standsStill: null, queued: 0, inFlight: 0 });
    expect(model.chain.mined).toHaveLength(1);
  });

  test("44. a full queue gives a request back to be asked again later", () => {
    const model = new SignerModel();
    for (let number = 1; number <= 51; number += 1) model.submitNew(number, number, day);
    model.deliver(true);
    expect(model.outcomes.get(requestId(51))).toMatchObject([
      { kind: "returned", verdict: { kind: "wait", for: "chain", reason: { code: "queue_full" } } },
    ]);
    expect(model.outcomes.size).toBe(1);
  });

  test("an owner who has had this day's share waits for the next", () => {
    const model = new SignerModel();
    model.state = { ...model.state, policy: { ...model.state.policy, perOwnerPerDay: 1 } };
    model.submitNew(1, 7, day);
    model.submitNew(2, 7, day);
    model.submitNew(3, 8, day);
    model.calmDown();
    expect(model.outcomes.get(requestId(2))).toMatchObject([
      {
        kind: "returned",
        verdict: { for: "date", notBefore: "2026-11-25T00:00:00.000Z", kind: "wait" },
      },
    ]);
    expect(model.chain.mined).toHaveLength(2);
  });

  test("a request whose nonce somebody else used has had its part of the day: it counts once, and gets another nonce", () => {
    const model = new SignerModel({ policy: { perOwnerPerDay: 1 } });
    model.submitNew(1, 7, day);
    model.round(false);
    model.chain.mineForeign();
    model.calmDown();
    expect(model.outcomes.get(requestId(1))).toMatchObject([{ kind: "succeeded", nonce: 1 }]);
    expect(model.state.day.owners).toMatchObject([{ count: 1 }]);
  });

  test("no more than the policy says are in flight, and never more than 16", () => {
    const model = new SignerModel();
    model.state = { ...model.state, policy: { ...model.state.policy, maxInFlight: 99 } };
    for (let number = 1; number <= 30; number += 1) model.submitNew(number, number, day);
    model.round(false);
    expect(statusOf(model)).toMatchObject({ inFlight: 16, queued: 14 });
  });

  test("stopping, it gives no nonce, sends the queue away and waits for what is open", () => {
    const model = withSent();
    model.submitNew(2, 2, day);
    model.state = { ...model.state, stopping: true };
    model.calmDown();
    expect(model.outcomes.get(requestId(1))).toMatchObject([{ kind: "succeeded" }]);
    expect(model.outcomes.get(requestId(2))).toMatchObject([
      { kind: "returned", verdict: { reason: { code: "signer_stopped" } } },
    ]);
  });
});

test("signed bytes, which hold a user's signature, are written down for people only once they were sent", () => {
  const model = new SignerModel();
  model.submitNew(1, 1, day);
  for (const lane of ["prepare", "sign"] as const) {
    model.start(lane);
    model.happen(0, "heard");
  }
  expect(hashesOf(model)).toHaveLength(1);
  expect(model.state.records).toEqual([]);
  model.start("send");
  model.happen(0, "heard");
  expect(model.state.records).toMatchObject([
    { nonce: 0, attempt: 1, state: "broadcast", hash: hashesOf(model)[0] },
  ]);
});
