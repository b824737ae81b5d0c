import { formatCount, formatTable } from "./format.ts";
import { formatNext } from "./next-steps.ts";

export type CleanedTable = {
  readonly table: string;
  readonly attempts: number;
  readonly rows: number;
};

/** A job of which closed runs were found in Temporal. */
export type CleanedJob = {
  readonly workflowId: string;
  readonly runs: number;
};

export type Cleanup = {
  readonly network: string;
  /** ISO time: the newest row of an attempt that counts is older. */
  readonly olderThan: string;
  /** Whether it was done, or only looked at. */
  readonly deleted: boolean;
  readonly tables: readonly CleanedTable[];
  readonly jobs: readonly CleanedJob[];
};

export function formatCleanup(cleanup: Cleanup): string {
  const { network, olderThan, deleted } = cleanup;
  const parts = [...formatRows(cleanup), ...formatJobs(cleanup)];
  if (parts.length === 0) {
    return `Nothing to clean up from before ${olderThan}: no rows of ${network} that the ledger does not name, and no jobs that ended.`;
  }
  return [
    ...parts,
    deleted
      ? "Deleted. ClickHouse frees the space of rows with its next merges; Temporal may list deleted runs for a minute or two."
      : `Nothing was deleted.${formatNext({ commands: ["npm run client -- cleanup --yes"] })}`,
  ].join("\n");
}

function formatRows({ network, olderThan, tables }: Cleanup): string[] {
  if (tables.every(({ attempts }) => attempts === 0)) return [];
  const rows = tables.map(({ table, attempts, rows: count }) => [
    table,
    formatCount(attempts),
    formatCount(count),
  ]);
  return [
    `Rows of ${network} that no ledger row names, older than ${olderThan}:`,
    formatTable(["table", "attempts", "rows"], rows),
  ];
}

const shownJobs = 20;

function formatJobs({ network, jobs }: Cleanup): string[] {
  if (jobs.length === 0) return [];
  const rows = jobs
    .slice(0, shownJobs)
    .map(({ workflowId, runs }) => [workflowId, formatCount(runs)]);
  const more = jobs.length - shownJobs;
  return [
    `Ended jobs of ${network} in Temporal; what they stored, and what coverage expects, stays:`,
    formatTable(["workflow", "runs"], rows),
    ...(more > 0 ? [`and ${formatCount(more)} more (--json names all)`] : []),
  ];
}
