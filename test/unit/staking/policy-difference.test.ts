import { expect, test } from "vitest";
import {
  comparePolicy,
  describeDifference,
  setPolicyCommand,
} from "../../../src/staking/policy-difference.ts";
import { signerPolicyDefaults as configured } from "../../../src/workflows/staking/messages.ts";

test("a signer that runs as it is configured differs in nothing", () => {
  expect(comparePolicy({ ...configured }, configured)).toEqual([]);
});

test("every part in which it differs is named with both values, and the command that applies it", () => {
  const running = {
    maxFeePerGasWei: "1",
    maxPriorityFeePerGasWei: "2",
    maxInFlight: 3,
    queueLimit: 4,
    bumpAfterMs: 5,
    rebroadcastAfterMs: 6,
    reserveWei: "7",
    perOwnerPerDay: 8,
  };
  const differences = comparePolicy(running, configured);
  expect(differences.map(describeDifference)).toMatchInlineSnapshot(`
    [
      "maxFeePerGasWei is 1, configured here: 30000000000",
      "maxPriorityFeePerGasWei is 2, configured here: suggested",
      "maxInFlight is 3, configured here: 4",
      "queueLimit is 4, configured here: 1000",
      "bumpAfterMs is 5, configured here: 30000",
      "rebroadcastAfterMs is 6, configured here: 15000",
      "reserveWei is 7, configured here: 1000000000000000000",
      "perOwnerPerDay is 8, configured here: any",
    ]
  `);
  expect(setPolicyCommand(differences)).toMatchInlineSnapshot(
    `"npm run client -- signer set-policy --max-fee-per-gas 30000000000 --max-priority-fee-per-gas suggested --max-in-flight 4 --queue-limit 1000 --bump-after 30000 --rebroadcast-after 15000 --reserve 1000000000000000000 --per-owner-per-day any"`,
  );
});

test("a part that runs open and is configured is named so", () => {
  const [difference] = comparePolicy(configured, { ...configured, perOwnerPerDay: 3 });
  expect(difference && describeDifference(difference)).toBe(
    "perOwnerPerDay is any, configured here: 3",
  );
});
