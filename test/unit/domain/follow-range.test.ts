import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joinFollowRange } from "../../../src/domain/follow-range.ts";

describe("the note of a follow that is started again", () => {
  test("begins where the first one began, while there is no hole", () => {
    expect(joinFollowRange({ fromBlock: 100, toBlock: 200 }, 201)).toEqual({
      fromBlock: 100,
      apart: null,
    });
    expect(joinFollowRange({ fromBlock: 100, toBlock: null }, 500)).toEqual({
      fromBlock: 100,
      apart: null,
    });
  });

  test("leaves an earlier range a note of its own where it does not go on from its end", () => {
    for (const fromBlock of [50, 150, 200, 202]) {
      expect(joinFollowRange({ fromBlock: 100, toBlock: 200 }, fromBlock)).toEqual({
        fromBlock,
        apart: { fromBlock: 100, toBlock: 200 },
      });
    }
  });

  test("owes nothing to a range that had no block", () => {
    expect(joinFollowRange({ fromBlock: 100, toBlock: 99 }, 202)).toEqual({
      fromBlock: 202,
      apart: null,
    });
    expect(joinFollowRange(undefined, 7)).toEqual({ fromBlock: 7, apart: null });
  });

  test("never drops a block that was expected", () => {
    const block = fc.nat(1000);
    fc.assert(
      fc.property(block, fc.option(block), block, (from, to, next) => {
        const toBlock = to === null ? null : Math.max(from, to);
        const { fromBlock, apart } = joinFollowRange({ fromBlock: from, toBlock }, next);
        const covers = (number: number) =>
          number >= fromBlock ||
          (apart !== null && number >= apart.fromBlock && number <= apart.toBlock);
        expect([from, toBlock ?? from, next].every(covers)).toBe(true);
      }),
    );
  });
});
