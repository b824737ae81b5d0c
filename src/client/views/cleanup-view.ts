import { formatCount, formatTable } from "./format.ts";
import { formatNext } from "./next-steps.ts";

export type CleanedTable = {
  readonly table: string;
  readonly attempts: number;
  readonly rows: number;
};

export type Cleanup = {
  readonly network: string;
  /** ISO time: the newest row of what counts is older. */
  readonly olderThan: string;
  /** Whether it was done, or only looked at. */
  readonly deleted: boolean;
  readonly tables: readonly CleanedTable[];
};

export function formatCleanup({ network, olderThan, deleted, tables }: Cleanup): string {
  const attempts = tables.reduce((sum, table) => sum + table.attempts, 0);
  if (attempts === 0) {
    return `Nothing to clean up: every row of ${network} older than ${olderThan} is named by the ledger.`;
  }
  return [
    `Rows of ${network} that no ledger row names, older than ${olderThan}:`,
    formatTable(
      ["table", "attempts", "rows"],
      tables.map((table) => [table.table, formatCount(table.attempts), formatCount(table.rows)]),
    ),
    deleted
      ? "Deleted. ClickHouse frees their space with its next merges."
      : `Nothing was deleted.${formatNext({ commands: ["npm run client -- cleanup --yes"] })}`,
  ].join("\n");
}
