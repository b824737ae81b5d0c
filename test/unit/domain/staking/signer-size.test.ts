import { describe, expect, test } from "vitest";
import { broadcasted, signed, toSend, toSign } from "../../../../src/domain/staking/attempts.ts";
import { carriedOver } from "../../../../src/domain/staking/carried-over.ts";
import { assign, chooseBatch } from "../../../../src/domain/staking/dispatch.ts";
import { positionOf, submit } from "../../../../src/domain/staking/intake.ts";
import { delivered } from "../../../../src/domain/staking/records.ts";
import { receiptsRead, seeAccount, toRead } from "../../../../src/domain/staking/settlement.ts";
import {
  newSignerState,
  notify,
  type SignerState,
} from "../../../../src/domain/staking/signer-state.ts";
import { alarmsOf } from "../../../../src/domain/staking/standing.ts";
import { signerPolicyDefaults } from "../../../../src/workflows/staking/messages.ts";
import { ModelChain, modelCall } from "../../../support/model-chain.ts";

const payloadLimit = 2 * 1024 * 1024;
/** A signed stake of the real contract is 440 bytes, written in hex. */
const realRaw = `0x${"ab".repeat(440)}` as const;
const nowMs = Date.parse("2026-11-24T12:00:00.000Z");

/** Brings 16 requests from the queue into a block. */
function mineSome(state: SignerState, chain: ModelChain): SignerState {
  const batch = chooseBatch(state, nowMs);
  const items = batch.map(({ requestId, call }) => ({ requestId, verdict: chain.check(call) }));
  let next = assign(state, { account: chain.view(), items }, nowMs);
  const pairs = toSign(next, nowMs).map((unsigned) => ({ unsigned, signed: chain.sign(unsigned) }));
  next = signed(next, pairs, nowMs);
  const sent = toSend(next, nowMs).map((item) => ({ ...item, result: chain.send(item) }));
  next = broadcasted(next, sent, nowMs);
  chain.mine();
  next = seeAccount(next, chain.view(), [], nowMs);
  const receipts = toRead(next).map(({ nonce, attempts }) => ({
    nonce,
    receipt: chain.receipt(attempts.map(({ hash }) => hash)),
  }));
  return receiptsRead(next, { asOf: chain.view(), items: receipts }, nowMs);
}

const expiresAt = "2026-12-01T12:00:00.000Z";
const idOf = (number: number) => `stake/31337/0x${String(number).padStart(64, "0")}`;

function submitOne(state: SignerState, number: number): SignerState {
  return submit(state, { requestId: idOf(number), call: modelCall(number), expiresAt }, nowMs);
}

/** As it is written into a history, with the bytes of the real contract. */
function sizeOf(state: SignerState): number {
  return JSON.stringify(carriedOver(state), (name, value) =>
    name === "raw" && value !== null ? realRaw : value,
  ).length;
}

test("the fullest state that a run hands to the next fits in a payload of 2 MiB", () => {
  const chain = new ModelChain();
  chain.finalityDepth = 1_000_000;
  let state = newSignerState({
    ...signerPolicyDefaults,
    maxInFlight: 16,
    queueLimit: 5000,
    perOwnerPerDay: 9,
  });
  const fill = () => {
    for (let spare = 1000 - state.queue.length; spare >= 0; spare -= 1) {
      state = submitOne(state, state.nextSeq * 10_000 + spare);
    }
  };
  for (let round = 0; round < 30; round += 1) {
    fill();
    state = mineSome(state, chain);
  }
  fill();
  expect([state.slots.length, state.queue.length]).toEqual([400, 1000]);
  expect(state.records.length).toBe(100);
  expect(alarmsOf(state, nowMs).join()).toContain("finality: 400 nonces are not final");

  // Ten thousand more at once, before a word of the signer could be heard.
  for (let number = 1; number <= 10_000; number += 1) state = submitOne(state, number);
  expect(state.queue.length).toBe(1000);
  expect(sizeOf(state)).toBeLessThan(payloadLimit * 0.9);
  expect(sizeOf(state)).toBeGreaterThan(1_000_000);
});

describe("ten thousand requests at once", () => {
  test.each([
    ["that works", false],
    ["that is paused", true],
  ])(
    "leave a signer %s small: those that find no place hear it, or hear nothing and ask again",
    (_, paused) => {
      let state: SignerState = { ...newSignerState(signerPolicyDefaults), paused };
      for (let number = 1; number <= 10_000; number += 1) state = submitOne(state, number);
      expect(state.queue.map(({ requestId }) => requestId)).toEqual(
        Array.from({ length: 1000 }, (__, at) => idOf(at + 1)),
      );
      expect(state.notices.length).toBeLessThanOrEqual(1000);
      expect(sizeOf(state)).toBeLessThan(payloadLimit / 2);

      const unheard = 9999;
      expect(positionOf(state, idOf(unheard))).toBeNull();
      const heard = delivered(
        state,
        state.notices.map(({ seq }) => seq),
      );
      const later = submitOne({ ...heard, queue: heard.queue.slice(1) }, unheard);
      expect(positionOf(later, idOf(unheard))).toBe(1000);
    },
  );

  test("what came of a nonce is carried over, however many words wait", () => {
    let state = newSignerState(signerPolicyDefaults);
    const settled = [
      { kind: "cancelled", nonce: 5 },
      { kind: "expired", nonce: null },
    ] as const;
    for (const [at, body] of settled.entries()) {
      state = notify(state, { requestId: idOf(20_000 + at), kind: "settled", body });
    }
    for (let number = 1; number <= 3000; number += 1) state = submitOne(state, number);
    const words = carriedOver(state).notices;
    expect(words.length).toBe(102);
    expect(words.slice(0, 2).map(({ body }) => body)).toEqual(settled);
  });
});
