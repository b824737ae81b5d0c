import type { Hex } from "../domain/chain.ts";

export function isHex(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-f]*$/i.test(value);
}

/** Of text that is hexadecimal already; viem gives addresses in checksum case. */
export function lowerCase(text: Hex): Hex {
  return `0x${text.slice(2).toLowerCase()}`;
}
