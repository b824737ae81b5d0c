import { afterAll, beforeAll, expect, test } from "vitest";
import { createRowStore } from "../../../src/clickhouse/rows.ts";
import { createStructlogColumns, reserveRow } from "../../../src/trace/structlog-columns.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const hash = `0x${"12".repeat(32)}` as const;

function oneStep(index: number) {
  const columns = createStructlogColumns();
  reserveRow(columns, 1);
  columns.index[0] = index;
  columns.pathOffsets[1] = 1;
  columns.length = 1;
  columns.transactions.set(0, { hash, gasUsed: 1, failed: false, returnValue: null });
  return columns;
}

test("every row of an attempt is stored that fills several writers in turn", async () => {
  const store = createRowStore(clickhouse.client);
  const attempt = {
    network: "net",
    blockNumber: 1,
    blockHash: hash,
    parentHash: hash,
    attemptId: "77",
  };
  const writers = [store.createWriter(), store.createWriter()];
  for (let index = 0; index < 6; index += 1) {
    const writer = writers[index % 2];
    writer?.addStructlogs(attempt, oneStep(index));
    await writer?.flush();
  }
  const counts = await store.countRows("execution_structlog", [attempt]);
  expect(counts.get("77")).toBe(6);
});
