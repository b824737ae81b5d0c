import { createMPT } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderedRoot } from "../../../src/trace/ordered-root.ts";

/** What a trie says into which the values were put one after another. */
async function rootOfTrie(values: readonly Uint8Array[]): Promise<string> {
  const trie = await createMPT();
  for (const [position, value] of values.entries()) await trie.put(RLP.encode(position), value);
  return `0x${Buffer.from(trie.root()).toString("hex")}`;
}

describe("the root of values by position", () => {
  it("is that of a trie into which they were put", async () => {
    const value = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.uint8Array({ minLength: 100, maxLength: 300 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 40 }), async (values) => {
        expect(orderedRoot(values)).toBe(await rootOfTrie(values));
      }),
      { numRuns: 60 },
    );
  });

  it.each([0, 1, 2, 16, 17, 127, 128, 129, 255, 256, 257, 700])(
    "is that of a trie of %d values, long and short",
    async (count) => {
      for (const length of [1, 33]) {
        const values = Array.from({ length: count }, (_, index) =>
          new Uint8Array(length).fill((index % 255) + 1),
        );
        expect(orderedRoot(values)).toBe(await rootOfTrie(values));
      }
    },
  );

  it("of no value is the empty trie's", () => {
    expect(orderedRoot([])).toBe(
      "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    );
  });
});
