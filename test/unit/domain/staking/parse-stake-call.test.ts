import * as fc from "fast-check";
import { stringToHex } from "viem";
import { describe, expect, test } from "vitest";
import { parseStakeCall, textToBytes32 } from "../../../../src/domain/staking/parse-stake-call.ts";

const signature = `0x${"11".repeat(64)}1b`;
const stake = {
  kind: "stake",
  owner: "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
  target: "73133705",
  dipAmount: "5000000000000000000000",
  signatureId: "V1StGXR8_Z5jdHi6B-myT",
  signature,
} as const;

const reasonsOf = (fields: Parameters<typeof parseStakeCall>[0]) => {
  const parsed = parseStakeCall(fields);
  return parsed.kind === "refused" ? parsed.reasons.map(({ message }) => message) : [];
};

describe("parseStakeCall", () => {
  test("brings a stake into its canonical form", () => {
    expect(parseStakeCall({ ...stake, signature: `0x${"11".repeat(64)}00` })).toEqual({
      kind: "parsed",
      call: {
        ...stake,
        owner: stake.owner.toLowerCase(),
        signatureId: stringToHex(stake.signatureId, { size: 32 }),
        signature,
      },
    });
  });

  test("a restake has no amount, and may say its signature id as bytes32", () => {
    const signatureId = `0x${"AB".repeat(32)}`;
    const { dipAmount: _, ...rest } = stake;
    const parsed = parseStakeCall({ ...rest, kind: "restake", stakeId: 7, signatureId });
    expect(parsed).toMatchObject({
      kind: "parsed",
      call: { kind: "restake", stakeId: "7", signatureId: signatureId.toLowerCase() },
    });
    expect(parsed.kind === "parsed" && "dipAmount" in parsed.call).toBe(false);
  });

  test("tells everything that is wrong at once", () => {
    expect(reasonsOf({ kind: "restake" })).toEqual([
      "owner must be an address: 0x and 40 hexadecimal digits, not all zero.",
      "target must be a decimal number of at most 96 bits.",
      "stakeId must be a decimal number of at most 96 bits.",
      "signatureId must be a text.",
      "signature must be a text.",
    ]);
  });

  test.each([
    ["an id beyond uint96", { target: (2n ** 96n).toString() }, "target"],
    ["an amount beyond uint256", { dipAmount: (2n ** 256n).toString() }, "dipAmount"],
    ["a negative amount", { dipAmount: "-1" }, "dipAmount"],
    ["an amount with a fraction", { dipAmount: 1.5 }, "dipAmount"],
    ["an amount that JSON rounded", { dipAmount: 5e21 }, "dipAmount"],
    ["a hexadecimal amount", { dipAmount: "0x10" }, "dipAmount"],
    ["the zero address", { owner: `0x${"0".repeat(40)}` }, "owner"],
    ["38. a signature id of 32 bytes", { signatureId: "x".repeat(32) }, "signatureId"],
    ["an empty signature id", { signatureId: "" }, "signatureId"],
  ])("%s is refused", (_what, change, field) => {
    const reasons = reasonsOf({ ...stake, ...change });
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toMatch(new RegExp(`^${field} `));
  });

  test("zeros in front go, so that one amount has one text", () => {
    expect(parseStakeCall({ ...stake, dipAmount: "007" })).toMatchObject({
      call: { dipAmount: "7" },
    });
  });

  test("no input makes it throw", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("stake", "restake"),
        fc.dictionary(fc.string(), fc.anything()),
        (kind, fields) => {
          expect(parseStakeCall({ ...fields, kind }).kind).toBe("refused");
        },
      ),
    );
  });

  test("what it gives out it takes in again, unchanged", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        fc
          .string({ minLength: 1, maxLength: 7, unit: "grapheme" })
          .filter((text) => textToBytes32(text) !== null),
        (target, dipAmount, signatureId) => {
          const parsed = parseStakeCall({
            ...stake,
            target: target.toString(),
            dipAmount: dipAmount.toString(),
            signatureId,
          });
          if (parsed.kind !== "parsed") throw new Error("refused");
          expect(parseStakeCall(parsed.call)).toEqual(parsed);
        },
      ),
    );
  });
});

test("a text becomes the bytes32 that the UI's library makes of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 31 }), (text) => {
      const isShort = new TextEncoder().encode(text).length <= 31;
      expect(textToBytes32(text)).toBe(isShort ? stringToHex(text, { size: 32 }) : null);
    }),
  );
});
