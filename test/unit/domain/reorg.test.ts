import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockRef, Hex } from "../../../src/domain/chain.ts";
import { compareBranches, finalizedBy, movedBlocks, planReorg } from "../../../src/domain/reorg.ts";

function hashOf(number: number, branch: string): Hex {
  return `0x${branch}${number}`;
}

/** Blocks 0 to `head`; those above `fork` lie on `branch`. */
function chainOf(head: number, { fork = head, branch = "" } = {}): BlockRef[] {
  return Array.from({ length: head + 1 }, (_, number) => ({
    number,
    hash: hashOf(number, number > fork ? branch : ""),
    parentHash: hashOf(number - 1, number - 1 > fork ? branch : ""),
  }));
}

function plan(stored: readonly BlockRef[], chain: readonly BlockRef[], suspect: number) {
  const newestFirst = stored.toSorted((a, b) => b.number - a.number);
  const comparison = compareBranches({ stored: newestFirst, chain, suspect });
  return planReorg(comparison, { suspect, head: chain.length - 1 });
}

describe("a reorg", () => {
  test("of one block re-points it and takes the suspect along", () => {
    expect(plan(chainOf(9), chainOf(10, { fork: 8, branch: "b" }), 10)).toEqual({
      ancestor: 8,
      depth: 1,
      reindex: [9, 10],
      retract: [],
    });
  });

  test("onto a shorter branch retracts what that does not reach", () => {
    expect(plan(chainOf(9), chainOf(6, { fork: 4, branch: "b" }), 6)).toEqual({
      ancestor: 4,
      depth: 5,
      reindex: [5, 6],
      retract: [7, 8, 9],
    });
  });

  test("beneath everything stored ends one below the lowest stored block", () => {
    const stored = chainOf(9).filter(({ number }) => number >= 7);
    expect(plan(stored, chainOf(10, { fork: 3, branch: "b" }), 10)).toMatchObject({
      ancestor: 6,
      depth: 3,
      reindex: [7, 8, 9, 10],
    });
  });

  test("leaves alone what still fits above the suspect", () => {
    const chain = chainOf(9);
    const stored = chain.map((ref) => (ref.number === 5 ? { ...ref, hash: hashOf(5, "x") } : ref));
    expect(plan(stored, chain, 6)).toEqual({ ancestor: 4, depth: 1, reindex: [5, 6], retract: [] });
  });

  test("of any depth leaves every stored number on the node's branch or retracted", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(40), (storedHead, fork, grown) => {
        const stored = chainOf(storedHead);
        const shared = Math.min(fork, storedHead);
        const chain = chainOf(shared + grown, { fork: shared, branch: "b" });
        const suspect = Math.min(chain.length - 1, storedHead + 1);
        const { reindex, retract, ancestor } = plan(stored, chain, suspect);
        const left = stored.filter(({ number }) => ![...reindex, ...retract].includes(number));
        expect(movedBlocks(left, chain)).toEqual([]);
        expect(retract.every((number) => number > chain.length - 1)).toBe(true);
        expect([...reindex, ...retract].every((number) => number > ancestor)).toBe(true);
      }),
    );
  });
});

describe("movedBlocks", () => {
  test("names blocks whose hash changed and blocks that are gone", () => {
    expect(movedBlocks(chainOf(6), chainOf(5, { fork: 4, branch: "b" }))).toEqual([5, 6]);
  });
});

describe("finalizedBy", () => {
  test("asks the node, or counts from the head where the chain has no finality", () => {
    expect(finalizedBy({ finalityDepth: null, finalized: 7, head: 99 })).toBe(7);
    expect(finalizedBy({ finalityDepth: null, finalized: null, head: 99 })).toBeNull();
    expect(finalizedBy({ finalityDepth: 64, finalized: null, head: 99 })).toBe(35);
    expect(finalizedBy({ finalityDepth: 64, finalized: null, head: 63 })).toBeNull();
    expect(finalizedBy({ finalityDepth: 0, finalized: null, head: 5 })).toBe(5);
  });
});
