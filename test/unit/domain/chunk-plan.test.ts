import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutWindow, planBlindChunk, planChunksByGas } from "../../../src/domain/chunk-plan.ts";

const range = { fromBlock: 100, toBlock: 199 };

describe("the chunks after the first", () => {
  const gasUsed = [10, 20, 30, 40, 50, 60];
  const window = { fromBlock: 100, toBlock: 105 };
  const isLast = false;

  test("go on from it in working order, and leave the window's edge to the next plan", () => {
    expect(
      planChunksByGas({ window, isLast, gasUsed, order: "oldest-first", gasPerChunk: 60 }),
    ).toEqual([
      { fromBlock: 100, toBlock: 102, gasUsed: 60 },
      { fromBlock: 103, toBlock: 103, gasUsed: 40 },
      { fromBlock: 104, toBlock: 104, gasUsed: 50 },
    ]);
    expect(
      planChunksByGas({ window, isLast, gasUsed, order: "newest-first", gasPerChunk: 80 }),
    ).toEqual([
      { fromBlock: 105, toBlock: 105, gasUsed: 60 },
      { fromBlock: 103, toBlock: 104, gasUsed: 90 },
    ]);
  });

  test("reach to the end of a range that the window holds whole", () => {
    const plan = { window, isLast: true, gasUsed, gasPerChunk: 60 };
    expect(planChunksByGas({ ...plan, order: "oldest-first" }).at(-1)).toEqual({
      fromBlock: 105,
      toBlock: 105,
      gasUsed: 60,
    });
    expect(planChunksByGas({ ...plan, order: "newest-first" }).at(-1)?.fromBlock).toBe(100);
  });

  test("are not planned before anything is learnt, and never many", () => {
    const many = Array.from({ length: 1000 }, () => 10_000_000);
    const long = { fromBlock: 0, toBlock: 999 };
    expect(
      planChunksByGas({
        window: long,
        isLast,
        gasUsed: many,
        order: "oldest-first",
        gasPerChunk: null,
      }),
    ).toHaveLength(1);
    expect(
      planChunksByGas({
        window: long,
        isLast,
        gasUsed: many,
        order: "oldest-first",
        gasPerChunk: 1,
      }),
    ).toHaveLength(16);
  });
});

describe("a chunk", () => {
  const isLast = false;

  test("takes blocks from its end of the range, as many as come closest to the gas", () => {
    const window = { fromBlock: 100, toBlock: 104 };
    const gasUsed = [10, 20, 30, 40, 50];
    const [oldest] = planChunksByGas({
      window,
      isLast,
      gasUsed,
      order: "oldest-first",
      gasPerChunk: 60,
    });
    expect(oldest).toEqual({ fromBlock: 100, toBlock: 102, gasUsed: 60 });
    for (const [gasPerChunk, fromBlock] of [
      [71, 103],
      [69, 104],
    ] as const) {
      const [newest] = planChunksByGas({
        window,
        isLast,
        gasUsed,
        order: "newest-first",
        gasPerChunk,
      });
      expect(newest).toMatchObject({ fromBlock, toBlock: 104 });
    }
  });

  test("holds one block even where that is too heavy", () => {
    const window = { fromBlock: 5, toBlock: 6 };
    const [plan] = planChunksByGas({
      window,
      isLast,
      gasUsed: [99, 1],
      order: "oldest-first",
      gasPerChunk: 10,
    });
    expect(plan).toEqual({ fromBlock: 5, toBlock: 5, gasUsed: 99 });
  });

  test("is small before anything is learnt", () => {
    const gasUsed = Array.from({ length: 100 }, () => 1_000_000);
    const [plan] = planChunksByGas({
      window: range,
      isLast,
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
          const [plan] = planChunksByGas({ window, isLast, gasUsed, order, gasPerChunk });
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
