import { expect, test } from "vitest";
import { broadcasted, signed, toSend, toSign } from "../../../../src/domain/staking/attempts.ts";
import { assign, chooseBatch } from "../../../../src/domain/staking/dispatch.ts";
import { submit } from "../../../../src/domain/staking/intake.ts";
import { receiptsRead, seeAccount, toRead } from "../../../../src/domain/staking/settlement.ts";
import { newSignerState, type SignerState } from "../../../../src/domain/staking/signer-state.ts";
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
      const number = state.nextSeq * 10_000 + spare;
      const requestId = `stake/31337/0x${String(number).padStart(64, "0")}`;
      const expiresAt = "2026-12-01T12:00:00.000Z";
      state = submit(state, { requestId, call: modelCall(number), expiresAt }, nowMs);
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

  // Words to requests are gone within a second; they were heard long before a run has grown so long.
  const carried = JSON.stringify({ ...state, notices: state.notices.slice(-100) }, (name, value) =>
    name === "raw" && value !== null ? realRaw : value,
  );
  expect(carried.length).toBeLessThan(payloadLimit * 0.9);
  expect(carried.length).toBeGreaterThan(1_000_000);
});
