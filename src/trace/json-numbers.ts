import { hexValue } from "./step.ts";

/**
 * The whole number that a JSON number's bytes write; rounded above 2^53, NaN if they write none
 * (a fraction, an exponent, a leading zero).
 */
export function parseInteger(bytes: Uint8Array, start: number, stop: number): number {
  let i = start;
  const negative = bytes[i] === 45;
  if (negative) i++;
  if (i === stop || (bytes[i] === 48 && stop - i > 1)) return Number.NaN;
  let value = 0;
  for (; i < stop; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** The number of a 0x quantity; rounded above 2^53, NaN if the bytes are none. */
export function parseQuantity(bytes: Uint8Array, start: number, stop: number): number {
  if (bytes[start] !== 48 || ((bytes[start + 1] ?? 0) | 32) !== 120 || stop - start < 3) {
    return Number.NaN;
  }
  let value = 0;
  for (let i = start + 2; i < stop; i++) {
    const digit = hexValue[bytes[i]!]!;
    if (digit > 15) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}
