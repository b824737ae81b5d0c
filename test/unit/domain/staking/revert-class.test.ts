import * as fc from "fast-check";
import { encodeErrorResult } from "viem";
import { describe, expect, test } from "vitest";
import { classifyRevert, verdictOfRevert } from "../../../../src/domain/staking/revert-class.ts";
import { readRevert } from "../../../../src/domain/staking/revert-reason.ts";

const errorAbi = [
  { type: "error", name: "Error", inputs: [{ name: "reason", type: "string" }] },
] as const;
const errorData = (reason: string) =>
  encodeErrorResult({ abi: errorAbi, errorName: "Error", args: [reason] });

/** Every row of the measured table, and those that were only read in the source. */
const rows = [
  ["ERROR:SMH-001:SIGNATURE_USED", "signature_used", "SIGNATURE_USED"],
  ["ERROR:SMH-002:SIGNATURE_INVALID", "permanent", "SIGNATURE_INVALID"],
  ["ECDSA: invalid signature", "permanent", "SIGNATURE_MALFORMED"],
  ["ECDSA: invalid signature length", "permanent", "SIGNATURE_MALFORMED"],
  ["ECDSA: invalid signature 's' value", "permanent", "SIGNATURE_MALFORMED"],
  ["ERROR:STK-151:STAKING_AMOUNT_ZERO", "permanent", "STAKING_AMOUNT_ZERO"],
  ["ERROR:CRG-120:NFT_ID_INVALID", "permanent", "TARGET_UNKNOWN"],
  ["ERROR:STK-290:DIP_BALANCE_INSUFFICIENT", "user", "DIP_BALANCE_INSUFFICIENT"],
  ["ERROR:STK-291:DIP_ALLOWANCE_INSUFFICIENT", "user", "DIP_ALLOWANCE_INSUFFICIENT"],
  ["ERROR:STK-152:STAKING_NOT_SUPPORTED", "unsupported", "STAKING_NOT_SUPPORTED"],
  ["ERROR:STK-160:UNSTAKING_NOT_SUPPORTED", "date", "UNSTAKING_NOT_SUPPORTED"],
  ["ERROR:STK-161:STAKING_NOT_SUPPORTED", "unsupported", "RESTAKING_NOT_SUPPORTED"],
  ["ERROR:STK-162:REWRD_RESERVES_INSUFFICIENT", "chain", "REWARD_RESERVES_INSUFFICIENT"],
  ["ERROR:STK-190:STAKE_INFO_NOT_EXISTING", "permanent", "STAKE_UNKNOWN"],
  ["ERROR:STK-292:DIP_TRANSFER_FROM_FAILED", "user", "DIP_TRANSFER_FROM_FAILED"],
  ["ERROR:STK-001:DIFFERENT_CHAIN_NOT_SUPPORTET", "permanent", "DIFFERENT_CHAIN"],
  ["ERROR:CRG-030:SENDER_NOT_STAKING", "chain", "SENDER_NOT_STAKING"],
  ["ERROR:CRG-090:STAKER_WITH_ZERO_ADDRESS", "permanent", "OWNER_ZERO"],
] as const;

describe("a revert", () => {
  test.each(rows)("%s is %s", (reason, kind, code) => {
    expect(classifyRevert(reason)).toMatchObject({ class: kind, reason: { code } });
  });

  test("what is unknown ends, and may be asked again", () => {
    const { class: kind, reason } = classifyRevert("ERROR:STK-999:NEW");
    expect(kind).toBe("unsupported");
    expect(reason).toEqual({
      code: "REVERTED",
      message: "The contract refuses: ERROR:STK-999:NEW",
    });
  });

  test("without a reason it waits for those who run the contract", () => {
    expect(classifyRevert(null).class).toBe("chain");
  });

  test("a locked stake waits for its date", () => {
    const { reason } = classifyRevert("ERROR:STK-160:UNSTAKING_NOT_SUPPORTED");
    const at = "2027-03-01T00:00:00.000Z";
    expect(verdictOfRevert({ class: "date", reason }, at)).toEqual({
      kind: "wait",
      reason,
      for: "date",
      notBefore: at,
    });
    expect(verdictOfRevert({ class: "user", reason }, at)).toMatchObject({ notBefore: null });
    expect(verdictOfRevert({ class: "permanent", reason }, at)).toMatchObject({
      kind: "refused",
      mayBeAskedAgain: false,
    });
  });
});

describe("a reason is read in every node's shape:", () => {
  const reason = "ERROR:SMH-001:SIGNATURE_USED";
  const data = errorData(reason);
  test.each([
    ["geth", { message: `execution reverted: ${reason}`, data }],
    ["a node whose message says nothing", { message: "server error", data }],
    ["a node without data", { message: `execution reverted: ${reason}` }],
    [
      "ganache 6, by transaction hash",
      {
        message: `VM Exception while processing transaction: revert ${reason}`,
        data: { "0x12": { error: "revert", program_counter: 7, return: data, reason } },
      },
    ],
    [
      "ganache, the reason alone",
      {
        message: "VM Exception while processing transaction: revert",
        data: { "0x12": { reason } },
      },
    ],
    [
      "ganache 7",
      { message: "VM Exception", data: { hash: null, programCounter: 1, result: data, reason } },
    ],
    [
      "hardhat",
      {
        message: `VM Exception while processing transaction: reverted with reason string '${reason}'`,
      },
    ],
    ["a proxy that wraps it", { message: "failed", data: { originalError: { code: 3, data } } }],
  ])("%s", (_node, refusal) => {
    expect(readRevert(refusal)).toEqual({ reason });
  });

  test.each([
    ["execution reverted", { message: "execution reverted", data: "0x" }],
    ["execution reverted, without data", { message: "execution reverted" }],
    ["a custom error", { message: "execution reverted", data: "0xdeadbeef" }],
  ])("%s has no reason", (_what, refusal) => {
    expect(readRevert(refusal)).toEqual({ reason: null });
  });

  test("a panic has its number", () => {
    const panic = `0x4e487b71${"11".padStart(64, "0")}`;
    expect(readRevert({ message: "execution reverted", data: panic })).toEqual({
      reason: "panic 0x11",
    });
  });

  test.each(["request timed out", "nonce too low", "header not found", "rate limited"])(
    "%s is no revert",
    (message) => {
      expect(readRevert({ message })).toBeNull();
    },
  );

  test("no answer of a node makes it throw, and every text comes back whole", () => {
    fc.assert(
      fc.property(fc.string(), fc.anything(), (message, anything) => {
        readRevert({ message, data: anything });
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
        expect(readRevert({ message: "", data: errorData(text) })).toEqual({ reason: text });
      }),
    );
  });
});

test("Nethermind's and OpenEthereum's reverts are read: the word stands before the bytes", () => {
  const message = "VM execution error.";
  const reason = "ERROR:STK-291:DIP_ALLOWANCE_INSUFFICIENT";
  expect(readRevert({ message, data: `Reverted ${errorData(reason)}` })).toEqual({ reason });
  expect(readRevert({ message, data: "Reverted 0x" })).toEqual({ reason: null });
});

test("a reason that repeats the calldata does not carry the user's signature on", () => {
  const signature = `${"4a".repeat(64)}1b`;
  const { reason } = classifyRevert(`call of 0x${signature} failed`);
  expect(reason.message).toBe("The contract refuses: call of [bytes] failed");
});
