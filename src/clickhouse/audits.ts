import type { ClickHouse } from "./client.ts";
import { newToken } from "./token.ts";

const table = "execution_audit";

/** A row of `execution_audit`: an outcome or a difference. */
export type AuditRow = {
  readonly meta_network_name: string;
  readonly processor: string;
  readonly block_number: number;
  readonly block_hash: string;
  readonly attempt_id: string;
  readonly audit_id: string;
  readonly kind: "equal" | "differs" | "not_compared" | "value" | "only_stored" | "only_traced";
  readonly row: string;
  readonly column: string;
  readonly stored: string | null;
  readonly traced: string | null;
  readonly rows_compared: number;
  readonly differences: number;
  readonly reason: string;
  readonly node: string;
  readonly client_version: string;
  readonly actor: string;
};

/** Keeps what an audit found of a block. */
export async function storeAudit(clickhouse: ClickHouse, rows: readonly AuditRow[]): Promise<void> {
  if (rows.length === 0) return;
  await clickhouse.insertRows(table, rows, { token: newToken(table) });
}
