import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkGolden, type GoldenTransaction } from "../../../src/dev/golden.ts";
import { firstDifference } from "../../../src/dev/golden-comparison.ts";
import type { PlainRow } from "../../../src/dev/golden-rows.ts";
import { oracleStructlogRows, oracleTransactionRows } from "../../support/oracle.ts";
import { oracleStructlogAggRows } from "../../support/oracle-agg.ts";

const folders = [
  { name: "our own examples", path: "examples/golden" },
  { name: "the shared golden transactions", path: "../shared/golden" },
];

for (const { name, path } of folders) {
  const files = existsSync(path) ? readdirSync(path).filter((file) => file.endsWith(".json")) : [];
  describe.skipIf(files.length === 0)(`${name} (${path})`, () => {
    it("are there", () => expect(files.length).toBeGreaterThan(0));

    for (const file of files) {
      const transactions: GoldenTransaction[] = JSON.parse(readFileSync(join(path, file), "utf8"));

      it.each([
        ["with stacks", true],
        ["without stacks, what it cannot know being NULL", false],
      ])(
        `${file}: the engine gives the expected rows and proves every transaction, %s`,
        (_, stacks) => {
          const differences = transactions.flatMap((golden) =>
            checkGolden(golden, { stacks })
              .filter(({ difference }) => difference !== null)
              .map(({ table, difference }) => `${golden.id} ${table}: ${difference}`),
          );
          expect(transactions.length).toBeGreaterThan(0);
          expect(differences).toEqual([]);
        },
      );

      it.each([7, 100_000_000])(`${file}: chunks of %s bytes give the same rows`, (chunkBytes) => {
        for (const golden of transactions.slice(0, 40)) {
          for (const stacks of [true, false]) {
            const differences = checkGolden(golden, { stacks, chunkBytes });
            expect(differences.filter(({ difference }) => difference !== null)).toEqual([]);
          }
        }
      });

      it(`${file}: the oracle gives the expected rows too`, () => {
        const differences = transactions.flatMap((golden) => oracleDifferences(golden));
        expect(differences).toEqual([]);
      });
    }
  });
}

function oracleDifferences(golden: GoldenTransaction): string[] {
  const block = { ...golden.block, transactions: [golden.transaction] };
  const input = { ...golden, block };
  const tables: readonly (readonly [string, readonly PlainRow[], readonly PlainRow[]])[] = [
    ["structlog", golden.rows.structlog, oracleStructlogRows(input)],
    ["transaction", golden.rows.transaction, oracleTransactionRows(input)],
    ...(golden.rows.structlog_agg
      ? [["structlog_agg", golden.rows.structlog_agg, oracleStructlogAggRows(input)] as const]
      : []),
  ];
  return tables.flatMap(([table, expected, actual]) => {
    const difference = firstDifference(expected, actual);
    return difference === null ? [] : [`${golden.id} ${table}: ${difference}`];
  });
}
