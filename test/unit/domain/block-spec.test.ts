import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countBlocks } from "../../../src/domain/block-range.ts";
import { parseBlockList, parseBlocks } from "../../../src/domain/block-spec.ts";

describe("parseBlocks", () => {
  test.each([
    [5, 5, 5],
    ["17000000", 17_000_000, 17_000_000],
    [" 15000000-15000999 ", 15_000_000, 15_000_999],
    ["15M:+1000", 15_000_000, 15_000_999],
    ["1.1M", 1_100_000, 1_100_000],
    ["17_000_000", 17_000_000, 17_000_000],
    ["17,000,000 - 17,000,001", 17_000_000, 17_000_001],
    ["2k-3k", 2000, 3000],
    ["0:+1", 0, 0],
  ])("reads %s", (spec, fromBlock, toBlock) => {
    expect(parseBlocks(spec)).toEqual({ kind: "range", fromBlock, toBlock });
  });

  test.each([
    ["", '"" is no block number'],
    ["latest", '"latest" is no block number'],
    ["-5", '"" is no block number'],
    [-5, '"" is no block number'],
    [1.5, '"1.5" is no block number'],
    [Number.NaN, '"NaN" is no block number'],
    ["1.5", '"1.5" is no block number'],
    ["0x10", '"0x10" is no block number'],
    ["9-3", "it ends (3) before it starts (9)"],
    ["1-2-3", "it has more than two ends"],
    ["1:+0", '"0" is no length of 1 or more'],
    ["1:+2:+3", "it has two lengths"],
    ["9007199254740992", '"9007199254740992" is no block number'],
    ["9007199254740991:+2", "it ends above 2^53"],
    ["1,00", '"1,00" is no block number'],
  ])("refuses %s with the reason", (spec, reason) => {
    expect(parseBlocks(spec)).toEqual({ kind: "invalid", reason });
  });

  test("reads back every range that it is given", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (fromBlock, length) => {
        const toBlock = fromBlock + length;
        const range = { kind: "range", fromBlock, toBlock };
        expect(parseBlocks(`${fromBlock}-${toBlock}`)).toEqual(range);
        expect(parseBlocks(`${fromBlock}:+${length + 1}`)).toEqual(range);
      }),
    );
  });

  test("answers any text without throwing", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(["range", "invalid"]).toContain(parseBlocks(text).kind);
      }),
    );
  });
});

describe("parseBlockList", () => {
  test("joins what meets, and counts each block once", () => {
    expect(parseBlockList(["1-5", 3, "6", 9], 100)).toEqual({
      ranges: [
        { fromBlock: 1, toBlock: 6 },
        { fromBlock: 9, toBlock: 9 },
      ],
      blocks: 7,
      refused: [],
    });
  });

  test("refuses the item that goes beyond the cap, and the invalid one, alone", () => {
    const list = parseBlockList(["1-900", "2000-2200", "x", "901-1000"], 1000);
    expect(list).toMatchObject({ ranges: [{ fromBlock: 1, toBlock: 1000 }], blocks: 1000 });
    expect(list.refused.map(({ blocks }) => blocks)).toEqual(["2000-2200", "x"]);
  });

  test("never names more blocks than the cap", () => {
    const ranges = fc.array(fc.tuple(fc.nat(5000), fc.nat(800)));
    fc.assert(
      fc.property(ranges, (items) => {
        const specs = items.map(([from, length]) => `${from}-${from + length}`);
        const list = parseBlockList(specs, 1000);
        const sum = list.ranges.reduce((total, range) => total + countBlocks(range), 0);
        expect(list.blocks).toBe(sum);
        expect(sum).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
