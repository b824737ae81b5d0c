import type { LedgerRow } from "../../domain/ledger.ts";
import { formatCount, formatTable } from "./format.ts";

/** The rows that count for a block, one a processor. */
export function formatLedgerRows(rows: readonly LedgerRow[]): string {
  if (rows.length === 0) return "The ledger holds no row of it.";
  return formatTable(
    ["processor", "block", "status", "proof", "transactions", "rows", "attempts", "node", "hash"],
    rows.map((row) => [
      row.processor,
      String(row.blockNumber),
      row.status,
      row.status === "complete" ? row.proof : row.errorKind,
      formatCount(row.transactionCount),
      formatCount(row.rowCount),
      String(row.attempts),
      row.node,
      shortHash(row.blockHash),
    ]),
  );
}

/** Every version of a block in the order in which they were written. */
export function formatStory(
  versions: readonly (LedgerRow & { readonly updatedAt: string })[],
): string {
  if (versions.length === 0) return "Nothing was ever written of it.";
  return formatTable(
    [
      "when",
      "processor",
      "status",
      "try",
      "hash",
      "rows",
      "node",
      "why",
      "asked by",
      "what went wrong",
    ],
    versions.map((row) => [
      row.updatedAt,
      row.processor,
      row.status === "complete" ? `complete, ${row.proof}` : row.status,
      `${row.generation}.${row.attempts}`,
      shortHash(row.blockHash),
      formatCount(row.rowCount),
      row.node,
      row.reason,
      row.actor,
      row.errorKind ? `${row.errorKind}: ${row.errorMessage.split("\n")[0]}` : "",
    ]),
  );
}

function shortHash(hash: string): string {
  return `${hash.slice(0, 10)}…`;
}
