import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutWindow, planBlindChunk, planChunkByGas } from "../../../src/domain/chunk-plan.ts";

const range = { fromBlock: 100, toBlock: 199 };

describe("a chunk", () => {
  test("takes blocks from its end of the range until the gas is reached", () => {
    const window = { fromBlock: 100, toBlock: 104 };
    const gasUsed = [10, 20, 30, 40, 50];
    const oldest = planChunkByGas({ window, gasUsed, order: "oldest-first", gasPerChunk: 60 });
    expect(oldest).toEqual({ fromBlock: 100, toBlock: 102, gasUsed: 60 });
    const newest = planChunkByGas({ window, gasUsed, order: "newest-first", gasPerChunk: 95 });
    expect(newest).toEqual({ fromBlock: 103, toBlock: 104, gasUsed: 90 });
  });

  test("holds one block even where that is too heavy", () => {
    const window = { fromBlock: 5, toBlock: 6 };
    const plan = planChunkByGas({
      window,
      gasUsed: [99, 1],
      order: "oldest-first",
      gasPerChunk: 10,
    });
    expect(plan).toEqual({ fromBlock: 5, toBlock: 5, gasUsed: 99 });
  });

  test("is small before anything is learnt", () => {
    const gasUsed = Array.from({ length: 100 }, () => 1_000_000);
    const plan = planChunkByGas({
      window: range,
      gasUsed,
      order: "oldest-first",
      gasPerChunk: null,
    });
    expect(plan).toEqual({ fromBlock: 100, toBlock: 109, gasUsed: 10_000_000 });
  });

  test("has a fixed length where nobody knows the gas", () => {
    expect(planBlindChunk({ fromBlock: 0, toBlock: 999 }, "oldest-first")).toEqual({
      fromBlock: 0,
      toBlock: 99,
    });
    expect(planBlindChunk(range, "newest-first")).toEqual(range);
  });

  test("lies at its end of the window and within it, whatever the gas", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1e8), { minLength: 1, maxLength: 50 }),
        fc.constantFrom("oldest-first" as const, "newest-first" as const),
        fc.nat(1e9),
        (gasUsed, order, gasPerChunk) => {
          const window = { fromBlock: 1000, toBlock: 999 + gasUsed.length };
          const plan = planChunkByGas({ window, gasUsed, order, gasPerChunk });
          const length = plan.toBlock - plan.fromBlock + 1;
          expect(length).toBeGreaterThan(0);
          expect({ fromBlock: plan.fromBlock, toBlock: plan.toBlock }).toEqual(
            cutWindow(window, order, length),
          );
        },
      ),
    );
  });
});
