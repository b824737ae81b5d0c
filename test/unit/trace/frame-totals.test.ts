import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameTotals } from "../../../src/trace/frame-totals.ts";

const operationsOf = (totals: FrameTotals) =>
  Array.from({ length: totals.size }, (_, index) => totals.at(index));

describe("the sums of a frame", () => {
  it("are exact when squares of words pass 2^53", () => {
    const words = fc.integer({ min: 0, max: 2 ** 25 });
    fc.assert(
      fc.property(fc.array(fc.tuple(words, words), { maxLength: 60 }), (steps) => {
        const totals = new FrameTotals();
        for (const [wordsBefore, wordsAfter] of steps) {
          totals.of(wordsBefore % 3).addMemory(wordsBefore, wordsAfter, 0);
        }
        const squares = (side: 0 | 1) =>
          steps.reduce((sum, pair) => sum + BigInt(pair[side]) ** 2n, 0n);
        expect(totals.ofFrame().exactSquaresBefore).toBe(squares(0));
        expect(totals.ofFrame().exactSquaresAfter).toBe(squares(1));
      }),
    );
  });

  it("stand by opcode in the order in which it first ran them", () => {
    const totals = new FrameTotals();
    for (const operation of [7, 2, 7, 900]) totals.of(operation).addStep(operation, operation);
    const found = operationsOf(totals).map(({ operation, count, gas }) => [operation, count, gas]);
    expect(found).toEqual([
      [7, 2, 14],
      [2, 1, 2],
      [900, 1, 900],
    ]);
  });

  it("of accesses are unknown when one of them is", () => {
    const totals = new FrameTotals();
    totals.of(1).coldAccesses += 1;
    totals.of(2).coldAccesses += Number.NaN;
    const [known, unknown] = operationsOf(totals).map(({ coldAccesses }) => coldAccesses);
    expect(known).toBe(1);
    expect(unknown).toBeNaN();
    expect(totals.ofFrame().coldAccesses).toBeNaN();
  });

  it("are those of the next frame alone after a clear", () => {
    const totals = new FrameTotals();
    totals.of(1).addMemory(9, 9, 0);
    totals.childrenGas = 5;
    totals.clear();
    totals.of(1).addStep(3, 3);
    totals.of(1).addMemory(2, 2, 0);
    expect(totals.childrenGas).toBe(0);
    expect(totals.ofFrame()).toMatchObject({ count: 1, wordsBefore: 2 });
  });
});
