import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatUnits } from "../../../../src/domain/staking/units.ts";

test.each([
  ["0", "0"],
  ["1", "0.000000000000000001"],
  ["100000000000000000", "0.1"],
  ["1000000000000000000", "1"],
  ["1000000000000000000000", "1000"],
  ["1050000000000000001", "1.050000000000000001"],
])("%s of the smallest unit is %s with 18 decimals", (amount, expected) => {
  expect(formatUnits(amount, 18)).toBe(expected);
});

test("every amount up to 256 bits is told to the last digit, and with none too many", () => {
  const amount = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
  fc.assert(
    fc.property(amount, fc.integer({ min: 1, max: 18 }), (smallest, decimals) => {
      const text = formatUnits(String(smallest), decimals);
      expect(text).toMatch(/^(0|[1-9]\d*)(\.\d*[1-9])?$/);
      const [whole = "", rest = ""] = text.split(".");
      expect(BigInt(whole + rest.padEnd(decimals, "0"))).toBe(smallest);
    }),
  );
});
