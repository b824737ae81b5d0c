import * as fc from "fast-check";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { canonicalSignature } from "../../../../src/domain/staking/signature-form.ts";

const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const word = (value: bigint) => value.toString(16).padStart(64, "0");

describe("canonicalSignature", () => {
  test("a signature that a wallet made is canonical already", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (message) => {
        const signature = await account.signMessage({ message });
        expect(canonicalSignature(signature)).toEqual({ kind: "canonical", signature });
      }),
      { numRuns: 20 },
    );
  });

  test("5. v 0 and 1 become 27 and 28, upper case becomes lower, and nothing else changes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (message) => {
        const signature = await account.signMessage({ message });
        const v = signature.endsWith("1b") ? "00" : "01";
        const other = `0x${`${signature.slice(2, -2)}${v}`.toUpperCase()}`;
        expect(canonicalSignature(other)).toEqual({ kind: "canonical", signature });
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["64 bytes", `0x${"11".repeat(64)}`, "SIGNATURE_COMPACT"],
    ["66 bytes", `0x${"11".repeat(66)}`, "SIGNATURE_LENGTH"],
    ["nothing", "0x", "SIGNATURE_LENGTH"],
    ["no prefix", "11".repeat(65), "SIGNATURE_NOT_HEX"],
    ["half a byte", `0x${"11".repeat(65)}1`, "SIGNATURE_NOT_HEX"],
    ["a high s", `0x${word(1n)}${word(order / 2n + 1n)}1b`, "SIGNATURE_HIGH_S"],
    ["r = s = 0", `0x${word(0n)}${word(0n)}1b`, "SIGNATURE_EMPTY"],
    ["r beyond the curve", `0x${word(order)}${word(1n)}1b`, "SIGNATURE_EMPTY"],
    ["twenty megabytes", `0x${"11".repeat(10_000_000)}`, "SIGNATURE_LENGTH"],
    ["v 29", `0x${word(1n)}${word(1n)}1d`, "SIGNATURE_V"],
  ])("5. %s is refused with a reason of its own", (_what, text, code) => {
    expect(canonicalSignature(text)).toMatchObject({ kind: "refused", reason: { code } });
  });

  test("the highest low s is taken", () => {
    const text = `0x${word(1n)}${word(order / 2n)}1c`;
    expect(canonicalSignature(text)).toEqual({ kind: "canonical", signature: text });
  });

  test("what is canonical stays as it is; no text makes it throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .uint8Array({ minLength: 63, maxLength: 66 })
            .map((b) => `0x${Buffer.from(b).toString("hex")}`),
        ),
        (text) => {
          const form = canonicalSignature(text);
          if (form.kind === "canonical") {
            expect(canonicalSignature(form.signature)).toEqual(form);
            expect(form.signature).toMatch(/^0x[0-9a-f]{128}1[bc]$/);
          }
        },
      ),
    );
  });
});
