import * as fc from "fast-check";
import { expect, test } from "vitest";
import { EncodedBlocks, Rooms } from "../../../src/clickhouse/encoded-blocks.ts";
import {
  type NativeBlock,
  nativePieces,
  numberColumn,
  stringColumn,
} from "../../../src/clickhouse/native-encoder.ts";

/** Around the border of a room, which is one MiB. */
const textLengths = fc.integer({ min: 0, max: 700_000 });

function blockOf(lengths: readonly number[], fill: string): NativeBlock {
  const texts = lengths.map((length) => fill.repeat(length));
  return {
    rowCount: lengths.length,
    columns: [numberColumn("n", "UInt32", Uint32Array.from(lengths)), stringColumn("t", texts)],
  };
}

const bytesOf = (block: NativeBlock) => Buffer.concat(nativePieces(block));

test("bytes come in the order of the blocks, also over the borders of rooms and in rooms used before", () => {
  const inserts = fc.array(fc.array(fc.array(textLengths, { maxLength: 3 }), { maxLength: 3 }), {
    minLength: 2,
    maxLength: 4,
  });
  fc.assert(
    fc.property(inserts, (all) => {
      const rooms = new Rooms();
      for (const [turn, insert] of all.entries()) {
        const blocks = insert.map((lengths, index) => blockOf(lengths, String(turn * 3 + index)));
        const encoded = new EncodedBlocks(rooms);
        for (const block of blocks) encoded.add(block);
        const expected = Buffer.concat(blocks.map(bytesOf));
        expect(encoded.length).toBe(expected.length);
        expect(Buffer.concat(encoded.parts()).equals(expected)).toBe(true);
        encoded.clear();
        expect(encoded.parts()).toEqual([]);
      }
    }),
    { numRuns: 30 },
  );
});

test("two writers that share rooms do not write over each other", () => {
  const rooms = new Rooms();
  const [one, other] = [new EncodedBlocks(rooms), new EncodedBlocks(rooms)];
  one.add(blockOf([10], "a"));
  one.clear();
  one.add(blockOf([2_000_000], "b"));
  other.add(blockOf([2_000_000], "c"));
  expect(Buffer.concat(one.parts()).equals(bytesOf(blockOf([2_000_000], "b")))).toBe(true);
  expect(Buffer.concat(other.parts()).equals(bytesOf(blockOf([2_000_000], "c")))).toBe(true);
});
