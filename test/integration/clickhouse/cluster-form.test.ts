import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterForm } from "../../../src/clickhouse/cluster-form.ts";
import { checkSchema, migrate } from "../../../src/clickhouse/migrate.ts";
import { readSchema } from "../../../src/clickhouse/printed-schema.ts";
import { SchemaMismatchError } from "../../../src/errors.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

/** As ClickHouse's own parser reads and writes it. @throws where it does not understand it. */
async function parsed(sql: string): Promise<string> {
  const [row] = await clickhouse.client.query<{ text: string }>(
    "SELECT formatQuerySingleLine({sql:String}) AS text",
    { parameters: { sql } },
  );
  return row?.text ?? "";
}

const statementsOf = async (cluster: string | null) =>
  (await readSchema(cluster)).flatMap(({ sql }) =>
    sql
      .split(/;\n\n|;$/)
      .map((statement) => statement.trim())
      .filter((statement) => statement !== ""),
  );

describe("the schema for a cluster", () => {
  test("is understood by ClickHouse, every statement of it, and speaks to every server", async () => {
    const statements = await statementsOf("prod");
    expect(statements.length).toBeGreaterThan(30);
    for (const statement of statements) {
      const text = await parsed(statement);
      expect(text).toMatch(/ON CLUSTER (`prod`|'prod'|prod)\b|^INSERT INTO schema_migration /);
    }
  });

  test("has each table of one server under its name, distributed, and nothing that is not replicated", async () => {
    const single = (await statementsOf(null)).join(";\n");
    const cluster = (await statementsOf("prod")).join(";\n");
    const tables = [...single.matchAll(/^CREATE TABLE IF NOT EXISTS (\w+)/gm)].map(([, t]) => t);
    expect(tables.length).toBeGreaterThan(8);
    for (const table of tables) {
      expect(cluster).toContain(
        `CREATE TABLE IF NOT EXISTS ${table} ON CLUSTER 'prod' AS ${table}_local`,
      );
      expect(cluster).toMatch(
        new RegExp(`Distributed\\('prod', currentDatabase\\(\\), '${table}_local', cityHash64`),
      );
    }
    expect(cluster.match(/^ENGINE = (?!Replicated|Distributed)\w+/gm)).toBeNull();
    expect(cluster).not.toContain("non_replicated_deduplication_window");
    const views = [...single.matchAll(/^CREATE VIEW IF NOT EXISTS (\w+)/gm)].map(
      ([, view]) => view,
    );
    for (const view of views) expect(cluster).toContain(`VIEW IF NOT EXISTS ${view} ON CLUSTER`);
  });

  test("changes a column where it is stored and where it is seen, anything else where it is stored", () => {
    expect(clusterForm("ALTER TABLE t\n  ADD COLUMN IF NOT EXISTS c UInt8", "prod")).toEqual([
      "ALTER TABLE t_local ON CLUSTER 'prod'\n  ADD COLUMN IF NOT EXISTS c UInt8",
      "ALTER TABLE t ON CLUSTER 'prod'\n  ADD COLUMN IF NOT EXISTS c UInt8",
    ]);
    expect(clusterForm("ALTER TABLE t MATERIALIZE PROJECTION p", "prod")).toEqual([
      "ALTER TABLE t_local ON CLUSTER 'prod' MATERIALIZE PROJECTION p",
    ]);
    expect(() => clusterForm("DROP TABLE t", "prod")).toThrow(/No form for a cluster/);
  });

  test("is checked and never made by a program; what is missing is to be run by hand", async () => {
    const { url, database } = clickhouse;
    expect(await migrate({ url, database, cluster: "prod" })).toEqual([]);
    await checkSchema(clickhouse.client);
    const empty = migrate({ url, database: "default", cluster: "prod" });
    await expect(empty).rejects.toBeInstanceOf(SchemaMismatchError);
    await expect(empty).rejects.toThrow(/run by hand what `npm run client -- schema print` prints/);
  });
});
