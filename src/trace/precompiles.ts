import { type Fork, isAtLeast } from "../domain/fork.ts";

/** The number of a precompiled contract (its address as a number) under a fork; 0 = it is none. `address`: 0x + 40 hex. */
export function precompileAt(fork: Fork, address: string): number {
  if (!address.startsWith(HIGH_ZEROS)) return 0;
  const number = Number.parseInt(address.slice(HIGH_ZEROS.length), 16);
  const since = introduced(number);
  return since !== null && isAtLeast(fork, since) ? number : 0;
}

const HIGH_ZEROS = `0x${"0".repeat(36)}`;

function introduced(number: number): Fork | null {
  if (number === 0) return null;
  if (number <= 0x04) return "frontier";
  if (number <= 0x08) return "byzantium";
  if (number === 0x09) return "istanbul";
  if (number === 0x0a) return "cancun";
  if (number <= 0x11) return "prague";
  return number === 0x100 ? "osaka" : null;
}

/** Gas of a precompiled contract by the size of its input; null where the input's bytes decide (5, 9, 0c, 0e). */
export function precompilePrice(fork: Fork, number: number, inputBytes: number): number | null {
  const words = Math.ceil(inputBytes / 32);
  const istanbul = isAtLeast(fork, "istanbul");
  switch (number) {
    case 0x01:
      return 3000;
    case 0x02:
      return 60 + 12 * words;
    case 0x03:
      return 600 + 120 * words;
    case 0x04:
      return 15 + 3 * words;
    case 0x06:
      return istanbul ? 150 : 500;
    case 0x07:
      return istanbul ? 6000 : 40_000;
    case 0x08: {
      const pairs = Math.floor(inputBytes / 192);
      return istanbul ? 45_000 + 34_000 * pairs : 100_000 + 80_000 * pairs;
    }
    case 0x0a:
      return 50_000;
    case 0x0b:
      return 375;
    case 0x0d:
      return 600;
    case 0x0f:
      return 37_700 + 32_600 * Math.floor(inputBytes / 384);
    case 0x10:
      return 5500;
    case 0x11:
      return 23_800;
    case 0x100:
      return 6900;
    default:
      return null;
  }
}
