import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mergeRanges } from "../../../src/domain/block-range.ts";
import { sampleBlocks } from "../../../src/domain/block-sample.ts";

const ranges = fc
  .array(fc.tuple(fc.nat(200), fc.nat(20)), { maxLength: 6 })
  .map((pairs) =>
    mergeRanges(pairs.map(([fromBlock, more]) => ({ fromBlock, toBlock: fromBlock + more }))),
  );

test("draws blocks of the ranges, none twice, the same ones for the same seed", () => {
  fc.assert(
    fc.property(ranges, fc.nat(100), fc.nat(), (from, size, seed) => {
      const all = from.flatMap(({ fromBlock, toBlock }) =>
        Array.from({ length: toBlock - fromBlock + 1 }, (_, index) => fromBlock + index),
      );
      const drawn = sampleBlocks(from, { size, seed });
      expect(drawn).toHaveLength(Math.min(size, all.length));
      expect(new Set(drawn).size).toBe(drawn.length);
      expect(drawn.every((block) => all.includes(block))).toBe(true);
      expect(drawn).toEqual(drawn.toSorted((a, b) => a - b));
      expect(sampleBlocks(from, { size, seed })).toEqual(drawn);
    }),
  );
});

test("draws each block about as often as any other", () => {
  const counts = Array.from({ length: 10 }, () => 0);
  for (let seed = 0; seed < 2000; seed += 1) {
    for (const block of sampleBlocks([{ fromBlock: 0, toBlock: 9 }], { size: 3, seed })) {
      counts[block] = (counts[block] ?? 0) + 1;
    }
  }
  for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(120);
});
