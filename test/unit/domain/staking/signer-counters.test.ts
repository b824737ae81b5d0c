import { expect, test } from "vitest";
import { record } from "../../../../src/domain/staking/records.ts";
import { countBetween } from "../../../../src/domain/staking/signer-counters.ts";
import {
  newSignerState,
  notify,
  type SignerState,
} from "../../../../src/domain/staking/signer-state.ts";
import { signerPolicyDefaults } from "../../../../src/workflows/staking/messages.ts";

const start = newSignerState(signerPolicyDefaults);
const counted = (before: SignerState, after: SignerState) =>
  countBetween(before, after).map(
    ({ name, amount, labels }) =>
      `${name.replace("blockloom_stake_", "")} ${Object.values(labels).join()} ${amount}`,
  );
const mined = {
  nonce: 3,
  transactionHash: `0x${"aa".repeat(32)}`,
  blockNumber: 9,
  gasUsed: "632001",
} as const;
const succeeded = { kind: "succeeded", stakeId: "1", ...mined } as const;
const reverted = {
  kind: "reverted",
  ...mined,
  reason: { code: "OUT_OF_GAS", message: "" },
  verdict: { kind: "ready", gasLimit: "1" },
} as const;

test("nothing between two equal states counts", () => {
  const state = { ...start, counts: { ...start.counts, bumps: 5 } };
  expect(countBetween(state, state)).toEqual([]);
});

test("only what was added since the state before counts", () => {
  const before = { ...start, counts: { ...start.counts, bumps: 5, rebroadcasts: 1 } };
  const after = {
    ...start,
    counts: { ...start.counts, bumps: 7, rebroadcasts: 1, drops: 1, reorgs: 1 },
  };
  expect(counted(before, after)).toEqual(["bumps  2", "pool_drops  1", "reorgs  1"]);
});

test("an outcome counts its gas once, not again while its request has not heard it", () => {
  const first = notify(start, { requestId: "a", kind: "settled", body: succeeded });
  const second = notify(first, { requestId: "b", kind: "settled", body: reverted });
  expect(counted(start, first)).toEqual(["gas succeeded 632001"]);
  expect(counted(first, second)).toEqual(["gas reverted 632001", "reverts OUT_OF_GAS 1"]);
  expect(counted(second, second)).toEqual([]);
});

test("a NOOP that is final counts its gas, one that was only sent does not", () => {
  const row = {
    nonce: 4,
    attempt: 1,
    kind: "noop",
    requestId: null,
    hash: `0x${"bb".repeat(32)}`,
    raw: "0x02",
    fees: { maxFeePerGasWei: "1", maxPriorityFeePerGasWei: "1" },
    gasLimit: "21000",
    blockNumber: null,
    gasUsed: null,
  } as const;
  const signed = record(start, [{ ...row, state: "broadcast" }]);
  const final = record(signed, [{ ...row, state: "final", blockNumber: 5, gasUsed: "21000" }]);
  expect(counted(start, signed)).toEqual([]);
  expect(counted(signed, final)).toEqual(["gas noop 21000"]);
});
