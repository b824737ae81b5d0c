import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BlockRange,
  countBlocks,
  mergeRanges,
  subtractRanges,
} from "../../../src/domain/block-range.ts";

const range = fc
  .tuple(fc.nat(60), fc.nat(12))
  .map(([fromBlock, more]): BlockRange => ({ fromBlock, toBlock: fromBlock + more }));
const ranges = fc.array(range, { maxLength: 12 });

function blocksOf(list: readonly BlockRange[]): Set<number> {
  return new Set(
    list.flatMap((one) =>
      Array.from({ length: countBlocks(one) }, (_, offset) => one.fromBlock + offset),
    ),
  );
}

function isTidy(list: readonly BlockRange[]): boolean {
  return list.every((one, i) => {
    const before = list[i - 1];
    return one.fromBlock <= one.toBlock && (!before || before.toBlock + 1 < one.fromBlock);
  });
}

describe("ranges", () => {
  test("merged, hold the same blocks, each once, in order", () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const merged = mergeRanges(list);
        expect(blocksOf(merged)).toEqual(blocksOf(list));
        expect(isTidy(merged)).toBe(true);
      }),
    );
  });

  test("less others, hold exactly the blocks that the others lack", () => {
    fc.assert(
      fc.property(ranges, ranges, (list, taken) => {
        const left = subtractRanges(list, taken);
        const gone = blocksOf(taken);
        expect(blocksOf(left)).toEqual(
          new Set([...blocksOf(list)].filter((block) => !gone.has(block))),
        );
        expect(isTidy(left)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("less many others, are found in one sweep", () => {
    const holes = Array.from({ length: 200_000 }, (_, i) => ({ fromBlock: 2 * i, toBlock: 2 * i }));
    expect(subtractRanges([{ fromBlock: 0, toBlock: 399_999 }], holes)).toHaveLength(200_000);
  });
});
