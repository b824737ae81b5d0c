import * as fc from "fast-check";
import { expect, test } from "vitest";
import { entryTime } from "../../../../src/domain/staking/entry-time.ts";

test("the time of an entry stands in its id, to the millisecond", () => {
  expect(entryTime("1795307578255-7")).toBe("2026-11-22T00:32:58.255Z");
});

test("whatever id Redis takes, its time is one that every table holds, and later ids are no earlier", () => {
  const part = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(part, part, part, (left, right, number) => {
      const [first, second] = [left, right].map((at) => entryTime(`${at}-${number}`));
      expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(left <= right ? first! <= second! : first! >= second!).toBe(true);
      expect(Number(first?.slice(0, 4))).toBeLessThan(2300);
    }),
  );
});
