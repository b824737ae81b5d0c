import type { AuditRow } from "../clickhouse/audits.ts";
import type { AuditedBlock } from "./audit-blocks.ts";

/** What is stored of an audited block: an outcome a processor, and a row a difference. */
export function toAuditRows(
  { node, clientVersion, processors }: AuditedBlock,
  { auditId, actor }: { readonly auditId: string; readonly actor: string },
): AuditRow[] {
  return processors.flatMap(({ row, outcome, differences, ...found }) => {
    const base = {
      meta_network_name: row.network,
      processor: row.processor,
      block_number: row.blockNumber,
      block_hash: row.blockHash,
      attempt_id: row.attemptId,
      audit_id: auditId,
      row: "",
      column: "",
      stored: null,
      traced: null,
      rows_compared: 0,
      differences: 0,
      reason: "",
      node,
      client_version: clientVersion,
      actor,
    };
    return [
      {
        ...base,
        kind: outcome,
        rows_compared: found.rowsCompared,
        differences: found.differenceCount,
        reason: found.reason,
      },
      ...differences.map((difference) => ({ ...base, ...difference })),
    ];
  });
}
