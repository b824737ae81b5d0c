import { readdir, readFile } from "node:fs/promises";
import { SchemaMismatchError, StorageRefusedError } from "../errors.ts";
import { type ClickHouse, type ClickHouseOptions, createClickHouse } from "./client.ts";
import { applyTableSettings } from "./table-settings.ts";

export type Migration = {
  readonly version: number;
  /** File name without its ending, `0001_ledger`. */
  readonly name: string;
  readonly statements: readonly string[];
};

/** The same path from src/clickhouse and from dist/clickhouse: SQL is not compiled, so only src has it. */
const folder = new URL("../../src/clickhouse/migrations/", import.meta.url);

export async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).toSorted();
  return Promise.all(
    files.map(async (file) => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(0, -".sql".length),
      statements: splitStatements(await readFile(new URL(file, folder), "utf8")),
    })),
  );
}

/** Statements end with a semicolon at the end of a line. */
function splitStatements(sql: string): string[] {
  return sql
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.replace(/^(?:\s|--[^\n]*\n)+/, "").trim())
    .filter((statement) => statement !== "");
}

export const historyTable = `
CREATE TABLE IF NOT EXISTS schema_migration
(
  version UInt32 COMMENT 'Number of the migration file',
  name String COMMENT 'Name of the migration file',
  applied_at DateTime64(3) DEFAULT now64(3) COMMENT 'When it was applied, UTC, milliseconds'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version
COMMENT 'Migrations that this database has seen. Read it with FINAL.'`;

/**
 * Brings a database up to this program's schema; creates it where it is missing. Idempotent, and safe when two
 * processes start at once, because every statement is (IF NOT EXISTS).
 * @returns the names of the migrations that were applied now.
 * On a cluster it changes nothing: there, a person applies what `schema print` prints.
 * @throws {SchemaMismatchError} when the database is newer than this program, or a cluster's is older.
 */
export async function migrate(
  options: ClickHouseOptions & { readonly cluster?: string | null },
): Promise<string[]> {
  if (options.cluster) {
    await checkCluster(options);
    return [];
  }
  await ensureDatabase(options);
  const clickhouse = createClickHouse(options);
  try {
    await clickhouse.command(historyTable);
    const applied = await appliedVersions(clickhouse);
    const migrations = await readMigrations();
    refuseNewer(applied, migrations);
    const waiting = migrations.filter(({ version }) => !applied.includes(version));
    for (const migration of waiting) await apply(clickhouse, migration);
    if (waiting.length > 0) await applyTableSettings(clickhouse);
    return waiting.map(({ name }) => name);
  } finally {
    await clickhouse.close();
  }
}

/**
 * Checks that the database stands exactly at this program's schema; changes nothing.
 * @throws {SchemaMismatchError} when it is newer or older.
 */
export async function checkSchema(clickhouse: ClickHouse): Promise<void> {
  const migrations = await readMigrations();
  const applied = await appliedVersions(clickhouse).catch((error: unknown): number[] => {
    if (isRefusal(error, ["UNKNOWN_TABLE", "UNKNOWN_DATABASE"])) return [];
    throw error;
  });
  refuseNewer(applied, migrations);
  const missing = migrations.filter(({ version }) => !applied.includes(version));
  if (missing.length > 0) {
    throw new SchemaMismatchError({
      reason: `not applied yet: ${missing.map(({ name }) => name).join(", ")}`,
    });
  }
}

async function checkCluster(options: ClickHouseOptions): Promise<void> {
  const clickhouse = createClickHouse(options);
  try {
    await checkSchema(clickhouse);
  } catch (error) {
    if (!(error instanceof SchemaMismatchError)) throw error;
    const byHand = "on a cluster, run by hand what `npm run client -- schema print` prints";
    throw new SchemaMismatchError({ reason: `${error.facts.join("; ")}; ${byHand}` });
  } finally {
    await clickhouse.close();
  }
}

/** Looks before it creates: a user of one database may not have the right to create one. */
async function ensureDatabase(options: ClickHouseOptions): Promise<void> {
  const wanted = createClickHouse(options);
  try {
    await wanted.query("SELECT 1");
  } catch (error) {
    if (!isRefusal(error, ["UNKNOWN_DATABASE"])) throw error;
    const server = createClickHouse({ ...options, database: "default" });
    const name = options.database.replaceAll("`", "\\`");
    await server.command(`CREATE DATABASE IF NOT EXISTS \`${name}\` ENGINE = Atomic`);
    await server.close();
  } finally {
    await wanted.close();
  }
}

async function appliedVersions(clickhouse: ClickHouse): Promise<number[]> {
  const rows = await clickhouse.query<{ version: number }>(
    "SELECT DISTINCT version FROM schema_migration",
  );
  return rows.map(({ version }) => version);
}

function refuseNewer(applied: readonly number[], migrations: readonly Migration[]): void {
  const known = migrations.map(({ version }) => version);
  const unknown = applied.filter((version) => !known.includes(version));
  if (unknown.length > 0) {
    throw new SchemaMismatchError({
      reason: `the database has migration ${Math.max(...unknown)}, this program knows up to ${Math.max(...known)}`,
    });
  }
}

async function apply(clickhouse: ClickHouse, { version, name, statements }: Migration) {
  for (const statement of statements) await clickhouse.command(statement);
  await clickhouse.insertRows("schema_migration", [{ version, name }], {
    token: `schema_migration:${version}`,
  });
}

function isRefusal(error: unknown, types: readonly string[]): boolean {
  return (
    error instanceof StorageRefusedError &&
    types.some((type) => error.facts.some((fact) => fact.includes(`(${type})`)))
  );
}
