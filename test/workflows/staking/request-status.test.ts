import { describe, expect, test } from "vitest";
import type { CheckVerdict } from "../../../src/domain/staking/stake-call.ts";
import type { StakeOutcome } from "../../../src/workflows/staking/messages.ts";
import {
  afterOutcome,
  afterProgress,
  newStatus,
  nextCheckMs,
} from "../../../src/workflows/staking/request-status.ts";
import { modelCall } from "../../support/model-chain.ts";

const nowMs = Date.parse("2026-11-24T12:00:00.000Z");
const hash = (byte: string) => `0x${byte.repeat(32)}` as const;
const status = newStatus(
  {
    v: 1,
    chainId: 31337,
    call: modelCall(1),
    signer: `0x${"ab".repeat(20)}`,
    source: "api",
    actor: "kim",
    receivedAt: "2026-11-24T11:00:00.000Z",
    expiresAt: "2026-12-01T11:00:00.000Z",
    entity: null,
  },
  "stake/31337/0x01",
);
const iso = (ms: number) => new Date(ms).toISOString();

describe("when a waiting request is looked at again", () => {
  test("at the date that the check named", () => {
    expect(nextCheckMs(iso(nowMs + 86_400_000), 7, nowMs)).toBe(nowMs + 86_400_000);
    expect(nextCheckMs(iso(nowMs + 1), 7, nowMs)).toBe(nowMs + 1000);
  });

  test.each([
    ["no date", null],
    ["a date that has passed, on a chain whose clock stands still", iso(nowMs - 3_600_000)],
    ["a date that is now", iso(nowMs)],
  ])("ever more seldom, where there is %s", (_, notBefore) => {
    const waits = [0, 1, 2, 3, 20].map((checks) => nextCheckMs(notBefore, checks, nowMs) - nowMs);
    expect(waits).toEqual([5000, 10_000, 20_000, 40_000, 300_000]);
  });
});

describe("what a request says after a transaction of ours was mined and reverted", () => {
  const ours = {
    nonce: 7,
    transactionHash: hash("0a"),
    blockNumber: 12,
    gasUsed: "45000",
  } as const;
  const reason = { code: "SIGNATURE_USED", message: "used" };
  const reverted = (verdict: CheckVerdict): StakeOutcome => ({
    kind: "reverted",
    ...ours,
    reason,
    verdict,
  });
  const mined = afterProgress(status, {
    stage: "mined",
    nonce: 7,
    transactionHash: ours.transactionHash,
    blockNumber: 12,
    waitingFor: null,
  });
  const nothing = { nonce: null, transactionHash: null, blockNumber: null, gasUsed: null };
  const theirs = { kind: "fulfilled", transactionHash: hash("0b"), stakeId: "9" } as const;

  test("a stranger's that served the user counts, and ours is named apart", () => {
    const step = afterOutcome(mined, reverted(theirs), 0);
    expect(step).toMatchObject({
      kind: "end",
      status: {
        ...nothing,
        state: "fulfilled_externally",
        transactionHash: theirs.transactionHash,
        stakeId: "9",
        revertedTransaction: ours,
      },
    });
  });

  test("a burned signature has no transaction that counts but the one that burned it", () => {
    const step = afterOutcome(mined, reverted({ kind: "burned", transactionHash: null }), 0);
    expect(step).toMatchObject({
      status: { ...nothing, state: "signature_burned", revertedTransaction: ours },
    });
  });

  test("the revert itself is the end where nothing else counts", () => {
    const step = afterOutcome(
      mined,
      reverted({ kind: "refused", reason, mayBeAskedAgain: false }),
      0,
    );
    expect(step).toMatchObject({ status: { ...ours, state: "reverted" } });
    expect(step.kind === "end" && step.status.revertedTransaction).toBeUndefined();
  });

  test("while it waits for its user it has no transaction; a second one that succeeds counts, the first stays apart", () => {
    const step = afterOutcome(
      mined,
      reverted({ kind: "wait", reason, for: "user", notBefore: null }),
      0,
    );
    if (step.kind !== "wait") throw new Error(step.kind);
    expect(step.status).toMatchObject({
      ...nothing,
      state: "waiting",
      reason,
      revertedTransaction: ours,
    });

    const second = { ...ours, nonce: 8, transactionHash: hash("0c"), gasUsed: "632001" };
    const end = afterOutcome(step.status, { kind: "succeeded", ...second, stakeId: "9" }, 1);
    expect(end).toMatchObject({
      status: { ...second, state: "succeeded", revertedTransaction: ours },
    });
  });

  test("a nonce that somebody else used belongs to no end of the request", () => {
    for (const outcome of [
      { kind: "returned", verdict: theirs },
      { kind: "cancelled", nonce: null },
    ] as const) {
      const step = afterOutcome(mined, outcome, 0);
      expect(step).toMatchObject({ status: { nonce: null, blockNumber: null, gasUsed: null } });
      expect(step.kind === "end" && step.status.transactionHash).not.toBe(ours.transactionHash);
    }
  });
});
