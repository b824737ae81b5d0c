import { expect, test } from "vitest";
import { createBroadcastTransactions } from "../../../src/activities/staking/broadcast-transactions.ts";
import { NodeUnavailableError } from "../../../src/errors.ts";
import type { Sending } from "../../../src/workflows/staking/stake-activities.ts";
import { runActivity } from "../../support/staking-activities.ts";

const address = `0x${"ab".repeat(20)}` as const;
const hash = (nonce: number) => `0x${String(nonce).padStart(64, "0")}` as const;
const sending = (nonce: number, again = {}): Sending => ({
  nonce,
  hash: hash(nonce),
  raw: "0x02",
  ...again,
});

/** Sends through a chain that has forgotten these nonces' transactions; null: it cannot be asked for them. */
async function send(items: readonly Sending[], forgotten: readonly number[] | null) {
  const asked: string[] = [];
  const activity = createBroadcastTransactions({
    chain: {
      chainId: 31_337,
      missing: async (hashes) => {
        asked.push(...hashes);
        if (forgotten) return hashes.map((one) => forgotten.some((nonce) => hash(nonce) === one));
        throw new NodeUnavailableError({ node: "first", method: "any", reason: "away" });
      },
      broadcast: async (transactions) => transactions.map(() => "known"),
    },
  });
  const answer = await runActivity(activity, { chainId: 31_337, address, items }).result;
  return { asked, items: answer.items };
}

test("what is sent for the first time is not looked for", async () => {
  expect(await send([sending(1)], [1])).toEqual({
    asked: [],
    items: [{ nonce: 1, hash: hash(1), result: "known" }],
  });
});

test("of what was in a pool before, the answer tells what is gone", async () => {
  const again = { wasKnown: true };
  expect(await send([sending(1), sending(2, again), sending(3, again)], [1, 3])).toEqual({
    asked: [hash(2), hash(3)],
    items: [
      { nonce: 1, hash: hash(1), result: "known" },
      { nonce: 2, hash: hash(2), result: "known" },
      { nonce: 3, hash: hash(3), result: "known", wasGone: true },
    ],
  });
});

test("a look that fails holds nothing up", async () => {
  expect((await send([sending(1, { wasKnown: true })], null)).items).toEqual([
    { nonce: 1, hash: hash(1), result: "known" },
  ]);
});
