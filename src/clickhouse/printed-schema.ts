import { clusterForm, clusterMigration, clusterSettings } from "./cluster-form.ts";
import { historyTable, readMigrations } from "./migrate.ts";

type Printed = { readonly name: string; readonly sql: string };

/** The SQL of all migrations, in order; for a cluster with what its bookkeeping and its user need. */
export async function readSchema(cluster: string | null): Promise<Printed[]> {
  const migrations = await readMigrations();
  if (cluster === null) {
    return migrations.map(({ name, statements }) => ({ name, sql: toSql(statements) }));
  }
  const first = [clusterSettings(cluster), ...clusterForm(historyTable.trim(), cluster)];
  return [
    { name: "0000_cluster", sql: toSql(first) },
    ...migrations.map((migration) => ({
      name: migration.name,
      sql: toSql(clusterMigration(migration, cluster)),
    })),
  ];
}

const toSql = (statements: readonly string[]) => `${statements.join(";\n\n")};`;
