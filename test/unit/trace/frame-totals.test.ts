import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameTotals, type StepMeasures } from "../../../src/trace/frame-totals.ts";

const step = (changes: Partial<StepMeasures>): StepMeasures => ({
  gas: 3,
  gasCumulative: 3,
  halted: false,
  wordsBefore: 0,
  wordsAfter: 0,
  expansionGas: 0,
  coldAccesses: 0,
  ...changes,
});

describe("the sums of a frame", () => {
  it("are exact when squares of words pass 2^53", () => {
    const words = fc.integer({ min: 0, max: 2 ** 25 });
    fc.assert(
      fc.property(fc.array(fc.tuple(words, words), { maxLength: 60 }), (steps) => {
        const totals = new FrameTotals();
        for (const [wordsBefore, wordsAfter] of steps) {
          totals.add(wordsBefore % 3, step({ wordsBefore, wordsAfter }));
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
    for (const operation of [7, 2, 7, 900]) totals.add(operation, step({ gas: operation }));
    const found = [...totals.ofOperations()].map(({ operation, count, gas }) => [
      operation,
      count,
      gas,
    ]);
    expect(found).toEqual([
      [7, 2, 14],
      [2, 1, 2],
      [900, 1, 900],
    ]);
  });

  it("of accesses are unknown when one of them is", () => {
    const totals = new FrameTotals();
    totals.add(1, step({ coldAccesses: 1 }));
    totals.add(2, step({ coldAccesses: Number.NaN }));
    const [known, unknown] = [...totals.ofOperations()].map(({ coldAccesses }) => coldAccesses);
    expect(known).toBe(1);
    expect(unknown).toBeNaN();
    expect(totals.ofFrame().coldAccesses).toBeNaN();
  });

  it("are those of the next frame alone after a clear", () => {
    const totals = new FrameTotals();
    totals.add(1, step({ wordsBefore: 9 }));
    totals.childrenGas = 5;
    totals.clear();
    totals.add(1, step({ wordsBefore: 2 }));
    expect(totals.childrenGas).toBe(0);
    expect(totals.ofFrame()).toMatchObject({ count: 1, wordsBefore: 2 });
  });
});
