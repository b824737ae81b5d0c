import { afterAll, beforeAll, expect, test } from "vitest";
import { comparedColumns, readStoredRows, rowKeys } from "../../../src/clickhouse/stored-rows.ts";
import { dataTables, type Processor } from "../../../src/domain/processor.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const network = "paged";

async function keysOf(processor: Processor): Promise<string[]> {
  const attempt = { network, processor, blockNumber: 7, attemptId: "18446744073709551615" };
  const places = rowKeys[processor].map((name) => comparedColumns[processor].indexOf(name));
  const keys: string[] = [];
  let pages = 0;
  for await (const page of readStoredRows(clickhouse.client, attempt)) {
    pages += 1;
    keys.push(...page.map((row) => places.map((place) => row[place]).join(":")));
  }
  expect(pages).toBeGreaterThan(2);
  return keys;
}

// 20,000 rows are a page: the copies stand before, on and behind a border.
const rows = `SELECT number FROM numbers(50000) UNION ALL SELECT arrayJoin([3, 19998, 19999, 19999, 20000, 49999]) AS number`;
const doubled = [3, 19_998, 19_999, 19_999, 20_000, 49_999];

test.each([
  ["structlog", "intDiv(number, 45000) AS transaction_index, number AS index, 0 AS call_frame_id"],
  [
    "structlog_agg",
    "0 AS transaction_index, intDiv(number, 30000) AS call_frame_id, leftPad(toString(number), 6, '0') AS operation",
  ],
  ["transaction", "number AS position"],
] as const)(
  "every row of %s comes once, in the order of its key, page by page",
  async (processor, columns) => {
    await clickhouse.client.command(
      `INSERT INTO ${dataTables[processor]} (meta_network_name, block_number, attempt_id, ${rowKeys[processor].map((name) => `\`${name}\``).join(", ")})
     SELECT '${network}', 7, 18446744073709551615, ${columns} FROM (${rows})`,
    );
    await clickhouse.client.command(
      `INSERT INTO ${dataTables[processor]} (meta_network_name, block_number, attempt_id) VALUES ('${network}', 7, 1), ('${network}', 8, 18446744073709551615)`,
    );
    const numbers = [...Array.from({ length: 50_000 }, (_, number) => number), ...doubled].toSorted(
      (a, b) => a - b,
    );
    const keyOf = {
      structlog: (number: number) => `${number < 45_000 ? 0 : 1}:${number}:0`,
      structlog_agg: (number: number) =>
        `0:${number < 30_000 ? 0 : 1}:${String(number).padStart(6, "0")}`,
      transaction: String,
    }[processor];
    expect(await keysOf(processor)).toEqual(numbers.map(keyOf));
  },
);
