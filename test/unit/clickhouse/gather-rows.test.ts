import { expect, test } from "vitest";
import { gatherRows } from "../../../src/clickhouse/gather-rows.ts";

test("rows of a moment share an insert, those after it have their own, and each hears of its own", async () => {
  const inserts: (readonly string[])[] = [];
  const record = gatherRows<string>(async (rows) => {
    inserts.push(rows);
    if (rows.includes("bad")) throw new Error("refused");
  }, 10);
  await Promise.all([record("a"), record("b")]);
  const failed = await Promise.allSettled([record("c"), record("bad")]);
  await record("d");
  expect(inserts).toEqual([["a", "b"], ["c", "bad"], ["d"]]);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});
