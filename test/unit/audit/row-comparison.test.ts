import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RowComparison } from "../../../src/audit/row-comparison.ts";

const columns = ["key", "other", "value"];
const row = (key: number, value: string | null) => [String(key), "x", value];

test("finds nothing between equal rows, in whatever order either side brings them", () => {
  const rows = fc.uniqueArray(fc.nat(50), { maxLength: 30 });
  fc.assert(
    fc.property(
      rows.chain((keys) =>
        fc.tuple(
          fc.shuffledSubarray(keys, { minLength: keys.length }),
          fc.shuffledSubarray(keys, { minLength: keys.length }),
        ),
      ),
      ([stored, traced]) => {
        const comparison = new RowComparison(columns, ["key", "other"]);
        for (const key of stored) comparison.addStored(row(key, `v${key}`));
        for (const key of traced) comparison.addTraced(row(key, `v${key}`));
        comparison.finish();
        expect(comparison.differenceCount).toBe(0);
        expect(comparison.storedRows).toBe(stored.length);
      },
    ),
  );
});

test("tells each row that one side lacks, has twice, or has with another value; NULL is no text", () => {
  const comparison = new RowComparison(columns, ["key", "other"]);
  for (const key of [1, 2, 2, 3, 4]) comparison.addStored(row(key, key === 4 ? null : "a"));
  for (const key of [3, 2, 5, 4]) comparison.addTraced(row(key, key === 3 ? "b" : ""));
  comparison.finish();
  expect(comparison.differences).toEqual([
    { kind: "only_stored", row: "key 2, other x", column: "", stored: null, traced: null },
    { kind: "value", row: "key 3, other x", column: "value", stored: "a", traced: "b" },
    { kind: "value", row: "key 2, other x", column: "value", stored: "a", traced: "" },
    { kind: "value", row: "key 4, other x", column: "value", stored: null, traced: "" },
    { kind: "only_stored", row: "key 1, other x", column: "", stored: null, traced: null },
    { kind: "only_traced", row: "key 5, other x", column: "", stored: null, traced: null },
  ]);
});

test("keeps the first hundred differences and counts the rest", () => {
  const comparison = new RowComparison(columns, ["key"]);
  for (let key = 0; key < 150; key += 1) comparison.addStored(row(key, ""));
  comparison.finish();
  expect(comparison.differenceCount).toBe(150);
  expect(comparison.differences).toHaveLength(100);
});
