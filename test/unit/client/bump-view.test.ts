import { expect, test } from "vitest";
import { describeBump } from "../../../src/client/views/bump-view.ts";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";

const slot = (
  nonce: number,
  stage: SignerStatus["slots"][number]["stage"],
): SignerStatus["slots"][number] => ({
  nonce,
  stage,
  requestId: null,
  kind: "call",
  attempts: 1,
  transactionHash: null,
});
const seen = (slots: SignerStatus["slots"], nextNonce: number | null = 5, latestNonce = 2) => ({
  read: async () => ({ nextNonce, latestNonce, slots }),
});
const open = seen([slot(1, "mined"), slot(3, "broadcast"), slot(4, "signed")]);
const mined = seen([slot(4, "mined")]);

test("the nonces whose fees are raised are named, and nothing more is asked", async () => {
  const asked: string[] = [];
  const words = await describeBump([3, 4], undefined, async () => {
    asked.push("status");
    return open.read();
  });
  expect([words, asked]).toEqual(["nonce 3, 4", []]);
});

test.each([
  ["that was never given", 99, open, "nothing: nonce 99 was never given; open: 3, 4"],
  ["that comes next", 5, mined, "nothing: nonce 5 was never given; none is open"],
  [
    "of a signer that gave none",
    0,
    seen([], null),
    "nothing: nonce 0 was never given; none is open",
  ],
  ["that is mined", 1, open, "nothing: nonce 1 is mined; open: 3, 4"],
  ["that is final, so that no slot is left", 0, mined, "nothing: nonce 0 is mined; none is open"],
  ["that is not sent yet", 4, open, "nothing: nonce 4 is not sent yet"],
  [
    "at the cap",
    3,
    open,
    "nothing: nonce 3 cannot get the tenth more that nodes ask for under the cap (signer set-policy --max-fee-per-gas)",
  ],
  [
    "that the chain has used",
    3,
    seen([slot(3, "broadcast")], 5, 4),
    "nothing: nonce 3 is used on the chain, its receipt is being read",
  ],
])("a bump of one nonce %s says so", async (_, asked, { read }, expected) => {
  expect(await describeBump([], asked, read)).toBe(expected);
});

test("a bump of all says why none could be raised, or that all is mined", async () => {
  expect(await describeBump([], undefined, mined.read)).toBe("nothing: all is mined");
  const words = await describeBump([], undefined, open.read);
  expect(words).toMatch(
    /^nothing: nonce 3 cannot get .* under the cap .*; nonce 4 is not sent yet$/,
  );
});
