import { dataTables } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";

/**
 * Switches off the statistics that servers since 25.10 keep of every column by themselves. No query of ours reads
 * them, and they take a sixth of a merge's CPU (ADR 6). Not in the migrations: older servers refuse the setting.
 */
export async function switchOffStatistics(clickhouse: ClickHouse): Promise<void> {
  const [setting] = await clickhouse.query(
    "SELECT name FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'",
  );
  if (setting === undefined) return;
  for (const table of Object.values(dataTables)) {
    await clickhouse.command(`ALTER TABLE ${table} MODIFY SETTING auto_statistics_types = ''`);
  }
}
