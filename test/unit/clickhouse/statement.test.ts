import { expect, test } from "vitest";
import { parseStatement } from "../../../src/clickhouse/embedded/statement.ts";

const insert = { kind: "insert-data", settings: "", inlineData: "" } as const;

test.each([
  [
    "INSERT INTO a.t (x, `FORMAT`) FORMAT Native",
    { ...insert, head: "INSERT INTO a.t (x, `FORMAT`)", format: "Native" },
  ],
  [
    "insert into t settings async_insert=0, x='VALUES' format JSONEachRow\n",
    {
      ...insert,
      head: "insert into t",
      settings: "settings async_insert=0, x='VALUES'",
      format: "JSONEachRow",
    },
  ],
  [
    'INSERT INTO t FORMAT JSONEachRow\n{"a":"\n\n; DROP TABLE t"}',
    {
      ...insert,
      head: "INSERT INTO t",
      format: "JSONEachRow",
      inlineData: '{"a":"\n\n; DROP TABLE t"}',
    },
  ],
  [
    "INSERT INTO t (a) VALUES (1, 'SELECT'), ('\n\n');",
    {
      ...insert,
      head: "INSERT INTO t (a)",
      format: "Values",
      inlineData: " (1, 'SELECT'), ('\n\n')",
    },
  ],
  [
    "/* INSERT INTO x VALUES */ INSERT INTO t -- FORMAT\n SELECT 1 FORMAT Null",
    {
      kind: "insert-select",
      sql: "/* INSERT INTO x VALUES */ INSERT INTO t -- FORMAT\n SELECT 1 FORMAT Null",
    },
  ],
  ["SELECT 'FORMAT CSV'", { kind: "select", sql: "SELECT 'FORMAT CSV'", format: null }],
  [
    "WITH 1 AS x SELECT x FORMAT JSONEachRow;\n",
    { kind: "select", sql: "WITH 1 AS x SELECT x FORMAT JSONEachRow", format: "JSONEachRow" },
  ],
  [
    "(SELECT 1) UNION ALL (SELECT 2 FORMAT CSV)",
    { kind: "select", sql: "(SELECT 1) UNION ALL (SELECT 2 FORMAT CSV)", format: null },
  ],
  ["DROP TABLE t;", { kind: "command", sql: "DROP TABLE t" }],
])("takes %j apart", (sql, statement) => {
  expect(parseStatement(sql)).toEqual(statement);
});
