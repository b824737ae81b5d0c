import { afterAll, beforeAll, expect, test } from "vitest";
import { createClickHouse } from "../../../src/clickhouse/client.ts";
import { checkSchema, migrate, readMigrations } from "../../../src/clickhouse/migrate.ts";
import { SchemaMismatchError } from "../../../src/errors.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse({ migrated: false });
});
afterAll(() => clickhouse.stop());

test("says that nothing was applied yet, and creates nothing by looking", async () => {
  await expect(checkSchema(clickhouse.client)).rejects.toThrow(/not applied yet: 0001_ledger/);
  await expect(checkSchema(clickhouse.client)).rejects.toBeInstanceOf(SchemaMismatchError);
});

test("gives one schema when two workers start at once, and changes nothing the next time", async () => {
  const names = (await readMigrations()).map(({ name }) => name);
  const [one, other] = await Promise.all([migrate(clickhouse), migrate(clickhouse)]);
  expect([...one, ...other]).toEqual(expect.arrayContaining(names));
  expect(await migrate(clickhouse)).toEqual([]);
  await checkSchema(clickhouse.client);
  const applied = await clickhouse.client.query<{ name: string }>(
    "SELECT name FROM schema_migration FINAL ORDER BY version",
  );
  expect(applied.map(({ name }) => name)).toEqual(names);
});

test("comments every table, and every column of every table and view", async () => {
  const silentTables = await clickhouse.client.query(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''",
  );
  expect(silentTables).toEqual([]);
  const silentColumns = await clickhouse.client.query(
    `SELECT table, name FROM system.columns
     WHERE database = currentDatabase() AND comment = '' AND table NOT LIKE '%\\_mv'`,
  );
  expect(silentColumns).toEqual([]);
});

test("deduplicates inserts into every table that holds rows of ours", async () => {
  const without = await clickhouse.client.query(
    `SELECT name FROM system.tables
     WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_migration'
       AND create_table_query NOT LIKE '%non_replicated_deduplication_window%'`,
  );
  expect(without).toEqual([]);
});

test("keeps no statistics of the columns of data tables", async () => {
  const kept = await clickhouse.client.query(
    `SELECT table, name, statistics FROM system.columns
     WHERE database = currentDatabase() AND statistics != ''
       AND table IN ('execution_structlog', 'execution_structlog_agg', 'execution_transaction')`,
  );
  expect(kept).toEqual([]);
});

test("refuses a database that a newer version has migrated", async () => {
  const newer = createClickHouse(clickhouse);
  await newer.insertRows("schema_migration", [{ version: 9999, name: "9999_future" }], {
    token: "newer",
  });
  await expect(migrate(clickhouse)).rejects.toThrow(/has migration 9999/);
  await expect(checkSchema(newer)).rejects.toBeInstanceOf(SchemaMismatchError);
  await newer.close();
});
