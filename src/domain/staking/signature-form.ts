import type { Hex } from "../chain.ts";
import type { StakeReason } from "./stake-call.ts";

export type SignatureForm =
  | { readonly kind: "canonical"; readonly signature: Hex }
  | { readonly kind: "refused"; readonly reason: StakeReason };

/** Of secp256k1. */
const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const halfOrder = curveOrder / 2n;
const wordDigits = 64;
/** What wallets write as the last byte, and what the contract takes of it. */
const recoveryBytes: Readonly<Record<string, string>> = {
  "00": "1b",
  "01": "1c",
  "1b": "1b",
  "1c": "1c",
};

/**
 * Brings a signature into the one form of 65 bytes that the contract takes (OpenZeppelin's ECDSA 4.8.2): v 27 or 28, low
 * s. Only v is mended, because only that changes nothing that was signed; canonical ones come back as they are.
 */
export function canonicalSignature(text: string): SignatureForm {
  // Not by pairs: a pattern that repeats a group overflows the stack on the megabytes that anyone may hand in.
  if (text.length % 2 !== 0 || !/^0x[0-9a-f]*$/i.test(text)) {
    return refused("SIGNATURE_NOT_HEX", "The signature is not hexadecimal: 0x and 130 digits.");
  }
  const digits = text.slice(2).toLowerCase();
  const bytes = digits.length / 2;
  if (bytes === 64) {
    return refused(
      "SIGNATURE_COMPACT",
      "The signature has 64 bytes, the compact form, which the contract refuses; sign for 65.",
    );
  }
  if (bytes !== 65) {
    return refused("SIGNATURE_LENGTH", `The signature has ${bytes} bytes instead of 65.`);
  }
  const r = BigInt(`0x${digits.slice(0, wordDigits)}`);
  const s = BigInt(`0x${digits.slice(wordDigits, 2 * wordDigits)}`);
  if (r === 0n || s === 0n || r >= curveOrder || s >= curveOrder) {
    return refused("SIGNATURE_EMPTY", "The signature's r or s is no number that a key can make.");
  }
  if (s > halfOrder) {
    return refused(
      "SIGNATURE_HIGH_S",
      "The signature's s is in the upper half of the curve's order, which the contract refuses.",
    );
  }
  const v = recoveryBytes[digits.slice(2 * wordDigits)];
  if (v === undefined) {
    return refused("SIGNATURE_V", "The signature's last byte, v, is not 27 or 28 (0 or 1).");
  }
  return { kind: "canonical", signature: `0x${digits.slice(0, 2 * wordDigits)}${v}` };
}

function refused(code: string, message: string): SignatureForm {
  return { kind: "refused", reason: { code, message } };
}
