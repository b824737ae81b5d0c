import { expect, test } from "vitest";
import { NodeUnavailableError } from "../../../src/errors.ts";
import { showBalance } from "../../../src/worker/show-balance.ts";

const address = `0x${"11".repeat(20)}` as const;
const view = {
  headNumber: 1,
  latestNonce: 0,
  finalNonce: 0,
  finalNumber: 0,
  baseFeePerGasWei: "1",
  priorityFeePerGasWei: "1",
  balanceWei: "42",
};

test("the balance is shown while nothing is asked for, over a node that is away, until the process stops", async () => {
  const stop = new AbortController();
  const shown: unknown[] = [];
  let looks = 0;
  const chain = {
    chainId: 5,
    account: async () => {
      looks += 1;
      if (looks === 2) throw new NodeUnavailableError({ node: "a", method: "any", reason: "away" });
      return view;
    },
  };
  const meters = {
    signerBalance: (...measured: unknown[]) => {
      shown.push(measured);
      if (shown.length === 2) stop.abort();
    },
  };
  await showBalance({ meters, signal: stop.signal }, chain, address, 1);
  expect(shown).toEqual([
    [5, address, "42"],
    [5, address, "42"],
  ]);
  expect(looks).toBe(3);
});
