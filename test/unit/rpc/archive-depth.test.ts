import * as fc from "fast-check";
import { expect, test } from "vitest";
import { probeArchiveDepth } from "../../../src/rpc/archive-depth.ts";
import { RpcRefusal } from "../../../src/rpc/faults.ts";

const head = 22_000_000;
const gone = new RpcRefusal({ code: -32_000, message: "missing trie node" });

/** A node that has the state of its blocks from `lowest` on; which were asked for. */
function nodeWith(lowest: number) {
  const asked: number[] = [];
  const ask = async (blockNumber: number) => {
    asked.push(blockNumber);
    return blockNumber >= lowest ? ("there" as const) : gone;
  };
  return { asked, ask };
}

test("an archive is known by two calls", async () => {
  const { asked, ask } = nodeWith(0);
  expect(await probeArchiveDepth(head, ask)).toEqual({ depth: "all", noStateUpTo: null });
  expect(asked).toEqual([head, 1]);
});

test.each([
  [head - 127, 0, head - 128],
  [head - 128, 128, head - 10_000],
  [head - 10_000, 10_000, head - 1_000_000],
  [head - 3_000_000, 1_000_000, 1],
])("state from block %i on is a depth of %i", async (lowest, depth, noStateUpTo) => {
  const { asked, ask } = nodeWith(lowest);
  expect(await probeArchiveDepth(head, ask)).toEqual({ depth, noStateUpTo });
  expect(asked.length).toBeLessThanOrEqual(5);
});

test("never claims state that is not there, nor denies what is, on chains of any height", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 3_000_000 }), fc.nat({ max: 3_000_000 }), async (top, kept) => {
      const { asked, ask } = nodeWith(top - kept);
      const { depth, noStateUpTo } = await probeArchiveDepth(top, ask);
      if (noStateUpTo !== null) expect(noStateUpTo).toBeLessThan(top - kept);
      if (typeof depth === "number") expect(depth).toBeLessThanOrEqual(kept);
      if (depth === "all") expect(noStateUpTo).toBeNull();
      expect(asked.length).toBeLessThanOrEqual(5);
    }),
  );
});

test("a node that knows no such call, or refuses its own head's state, says nothing", async () => {
  const refusals = [
    new RpcRefusal({ code: -32_601, message: "the method eth_getBalance does not exist" }),
    gone,
  ];
  for (const refusal of refusals) {
    const unknown = { depth: null, noStateUpTo: null };
    expect(await probeArchiveDepth(head, async () => refusal)).toEqual(unknown);
  }
});

test("a node that is asked too often on the way says nothing of what is left", async () => {
  const limited = new RpcRefusal({ code: -32_005, message: "limit exceeded" });
  const ask = async (blockNumber: number) => {
    if (blockNumber === head) return "there" as const;
    return blockNumber < head - 10_000 ? gone : limited;
  };
  expect(await probeArchiveDepth(head, ask)).toEqual({
    depth: null,
    noStateUpTo: head - 1_000_000,
  });
});
