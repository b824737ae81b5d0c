import type { Migration } from "./migrate.ts";

// The schema for a cluster of ClickHouse servers: each table is a Replicated one with `_local` behind its name, on every
// server, and a Distributed one under its own name, so that no statement of ours changes.
// A network (or a chain of the staking service) lies on one shard whole: a ledger insert that re-points many blocks stays
// one insert into one partition, FINAL sees every version, and joins find both sides on the same server.

const created =
  /^CREATE TABLE IF NOT EXISTS (\w+)(\s*\([\s\S]*\)\s*)ENGINE = (\w+)(\([^\n]*\))?([\s\S]*)$/;
const createdView = /^CREATE VIEW IF NOT EXISTS (\w+)([\s\S]*)$/;
const createdFeed =
  /^CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+)([\s\S]*?AS SELECT [^;]*? FROM )(\w+)([\s\S]*)$/;
const altered = /^ALTER TABLE (\w+)([\s\S]*)$/;

/**
 * A statement of a migration as the statements that do the same on every server of a cluster.
 * @param cluster - its name in `remote_servers` of the servers' configuration.
 * @throws {Error} for a statement of a kind that no migration has used yet.
 */
export function clusterForm(statement: string, cluster: string): string[] {
  const onCluster = `ON CLUSTER '${cluster}'`;
  const table = created.exec(statement);
  if (table) {
    const [, name = "", columns = "", engine = "", parameters = "", rest = ""] = table;
    return [
      `CREATE TABLE IF NOT EXISTS ${name}_local ${onCluster}${columns}ENGINE = Replicated${engine}${parameters}${replicated(rest)}`,
      `CREATE TABLE IF NOT EXISTS ${name} ${onCluster} AS ${name}_local\nENGINE = Distributed('${cluster}', currentDatabase(), '${name}_local', ${shardOf(columns)})`,
    ];
  }
  const view = createdView.exec(statement);
  if (view) return [`CREATE VIEW IF NOT EXISTS ${view[1]} ${onCluster}${view[2]}`];
  const feed = createdFeed.exec(statement);
  if (feed) {
    const [, name, target, select, source, rest] = feed;
    return [
      `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} ${onCluster} TO ${target}_local${select}${source}_local${rest}`,
    ];
  }
  const change = altered.exec(statement);
  if (change) {
    const [, name, rest = ""] = change;
    const local = `ALTER TABLE ${name}_local ${onCluster}${rest}`;
    // Only columns are seen through the Distributed table; parts, projections and settings are the local one's.
    return /\bADD COLUMN\b/.test(rest)
      ? [local, `ALTER TABLE ${name} ${onCluster}${rest}`]
      : [local];
  }
  throw new Error(`No form for a cluster is known of: ${statement.slice(0, 80)}`);
}

/** {@link clusterForm} of a migration, and the note that it was applied, which nobody else makes there. */
export function clusterMigration(migration: Migration, cluster: string): string[] {
  const { version, name, statements } = migration;
  return [
    ...statements.flatMap((statement) => clusterForm(statement, cluster)),
    `INSERT INTO schema_migration (version, name) VALUES (${version}, '${name}')`,
  ];
}

const replicated = (clauses: string) =>
  clauses.replace("non_replicated_deduplication_window", "replicated_deduplication_window");

function shardOf(columns: string): string {
  const key = ["meta_network_name", "chain_id", "version"].find((name) =>
    new RegExp(`^\\s*${name}\\s`, "m").test(columns),
  );
  if (key === undefined) throw new Error("A table has no column to be sharded by.");
  return `cityHash64(${key})`;
}

/** What statements of ours need there: inserts that are stored when they are answered, and counts that see them. */
export const clusterSettings = (cluster: string): string =>
  `CREATE SETTINGS PROFILE IF NOT EXISTS blockloom ON CLUSTER '${cluster}' SETTINGS
  distributed_foreground_insert = 1, insert_quorum = 'auto', insert_quorum_parallel = 0, select_sequential_consistency = 1,
  distributed_product_mode = 'local', optimize_skip_unused_shards = 1`;
