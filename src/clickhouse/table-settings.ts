import { dataTables } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

/** Settings that save CPU (ADR 6), not in the migrations: older servers would refuse them. */
const wanted: Readonly<Record<string, string>> = {
  // Statistics of every column, kept by servers since 25.10: no query of ours reads them, a merge pays a sixth for them.
  auto_statistics_types: "''",
  // Our parts are small, 3 bytes a row: with the default of 5 a row was written again three times among 160 inserts.
  merge_selector_base: "10",
};

/** Every table that a commit writes to. */
const tables = [...Object.values(dataTables), "execution_block", "execution_block_event"];

/** Applies those that the server knows. Idempotent. */
export async function applyTableSettings(clickhouse: ClickHouse): Promise<void> {
  const known = await clickhouse.query<{ name: string }>(
    "SELECT name FROM system.merge_tree_settings WHERE name IN {names:Array(String)}",
    { parameters: { names: Object.keys(wanted) } },
  );
  if (known.length === 0) return;
  const assignments = known.map(({ name }) => `${name} = ${wanted[name]}`).join(", ");
  for (const table of tables) {
    await clickhouse.command(`ALTER TABLE ${table} MODIFY SETTING ${assignments}`);
  }
}
