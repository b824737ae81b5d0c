import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { leadingNode, type NodeFacts, orderNodes } from "../../../src/domain/node-order.ts";

const node = (name: string, facts: Partial<NodeFacts> = {}): NodeFacts => ({
  name,
  head: 1000,
  noStateUpTo: null,
  load: 0,
  turn: 0,
  restsUntilMs: 0,
  ...facts,
});
const order = (nodes: readonly NodeFacts[], blockNumber: number | null, leader?: string) =>
  orderNodes(nodes, { blockNumber, leader, nowMs: 100 }).map(({ name }) => name);

describe("the order in which nodes are asked for a block", () => {
  test("they take turns, one that is full comes later, and of equals the first configured does", () => {
    expect(order([node("a", { turn: 0.5 }), node("b"), node("c")], 1)).toEqual(["b", "c", "a"]);
    expect(order([node("a", { load: 1 }), node("b", { turn: 9, load: 0.9 })], 1)).toEqual([
      "b",
      "a",
    ]);
  });

  test("one that is behind, has no state of it, or asks to be left alone comes later", () => {
    expect(order([node("behind", { head: 4 }), node("b", { load: 3 })], 5)).toEqual([
      "b",
      "behind",
    ]);
    expect(order([node("pruned", { noStateUpTo: 5 }), node("b")], 5)).toEqual(["b", "pruned"]);
    expect(order([node("pruned", { noStateUpTo: 5 }), node("b")], 6)).toEqual(["pruned", "b"]);
    expect(order([node("rests", { restsUntilMs: 101 }), node("b")], 5)).toEqual(["b", "rests"]);
    expect(order([node("rested", { restsUntilMs: 100 }), node("b")], 5)).toEqual(["rested", "b"]);
  });

  test("near the head the leader comes first, whatever its load; far below it does not", () => {
    const nodes = [node("a"), node("leader", { load: 2 })];
    expect(order(nodes, 990, "leader")).toEqual(["leader", "a"]);
    expect(order(nodes, null, "leader")).toEqual(["leader", "a"]);
    expect(order(nodes, 100, "leader")).toEqual(["a", "leader"]);
  });

  test("none is lost, and one that has the block is never asked after one that has not", () => {
    const facts = fc.record({
      head: fc.option(fc.nat(20)),
      noStateUpTo: fc.option(fc.nat(20)),
      load: fc.double({ min: 0, max: 4, noNaN: true }),
      turn: fc.nat(20),
      restsUntilMs: fc.nat(200),
    });
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 8 }), fc.nat(20), (several, blockNumber) => {
        const nodes = several.map((each, index) => node(String(index), each));
        const ordered = orderNodes(nodes, { blockNumber, leader: "0", nowMs: 100 });
        expect(ordered.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual(
          nodes.toSorted((a, b) => a.name.localeCompare(b.name)),
        );
        const lacks = ordered.map(
          ({ head, noStateUpTo }) =>
            (head !== null && head < blockNumber) ||
            (noStateUpTo !== null && noStateUpTo >= blockNumber),
        );
        expect(lacks).toEqual(lacks.toSorted((a, b) => Number(a) - Number(b)));
      }),
    );
  });
});

describe("the node whose head is the chain's", () => {
  test("is the highest; of two of one height the one that led before", () => {
    const heads = [
      { name: "a", head: 5 },
      { name: "b", head: 6 },
      { name: "c", head: 6 },
    ];
    expect(leadingNode(heads, undefined)).toBe("b");
    expect(leadingNode(heads, "c")).toBe("c");
    expect(leadingNode(heads, "a")).toBe("b");
    expect(leadingNode([], "a")).toBeUndefined();
  });
});
