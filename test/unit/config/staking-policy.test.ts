import { expect, test } from "vitest";
import { stakingSchema } from "../../../src/config/staking-schema.ts";
import { signerPolicyDefaults } from "../../../src/workflows/staking/messages.ts";
import { readPolicy } from "../../../src/workflows/staking/read-messages.ts";

const numbers = [
  0,
  1,
  16,
  17,
  1000,
  1001,
  1_000_000,
  1_000_001,
  604_800_000,
  604_800_001,
  2 ** 53 - 1,
];
const wei = ["0", "9".repeat(30), "9".repeat(31), "-1"];
const values = {
  maxInFlight: numbers,
  queueLimit: numbers,
  bumpAfterMs: numbers,
  rebroadcastAfterMs: numbers,
  perOwnerPerDay: numbers,
  maxFeePerGasWei: wei,
  maxPriorityFeePerGasWei: wei,
  reserveWei: wei,
};
const settings = {
  nodes: [{ name: "one", url: "http://127.0.0.1:8545" }],
  contractAddress: `0x${"11".repeat(20)}`,
  signer: { address: `0x${"22".repeat(20)}` },
  alertBalanceWei: "9".repeat(30),
  codec: { keys: [`one:${Buffer.alloc(32, 1).toString("base64")}`] },
};

test.each(Object.entries(values))(
  "a policy's %s that the configuration takes, the signer's workflow takes too",
  (name, given) => {
    const taken = given.filter((value) => {
      const parsed = stakingSchema.safeParse({ ...settings, policy: { [name]: value } });
      if (!parsed.success || parsed.data === null) return false;
      expect(readPolicy(parsed.data.policy, signerPolicyDefaults)).toEqual(parsed.data.policy);
      return true;
    });
    expect(taken.length).toBeGreaterThan(0);
  },
);
