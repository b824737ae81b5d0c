import { type Command, InvalidArgumentError, Option } from "commander";
import { dataTables, type Processor, processors } from "../../domain/processor.ts";
import type { CommandContext } from "../context.ts";
import { deleteEndedRun, listEndedRuns } from "../ended-jobs.ts";
import type { Outcome } from "../outcome.ts";
import {
  type CleanedJob,
  type CleanedTable,
  type Cleanup,
  formatCleanup,
} from "../views/cleanup-view.ts";
import { readWindow } from "../window.ts";
import { type Act, addExamples } from "./act.ts";

type Options = {
  /** Milliseconds. */
  readonly olderThan: number;
  readonly yes?: true;
  readonly from?: string;
  readonly to?: string;
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Older than every chain, and a date that calendars hold. */
const maximumAgeMs = 36_500 * dayMs;

export function addCleanup(program: Command, act: Act): void {
  const cleanup = program
    .command("cleanup")
    .description(
      "delete rows of attempts that no ledger row names, and ended jobs from Temporal; says what it would do",
    )
    .addOption(
      new Option("--older-than <age>", "only what is as old as that: 12h, 7d")
        .argParser(toAge)
        .default(dayMs, "1d"),
    )
    .option("--from <block>", "only rows, no jobs, from this block")
    .option("--to <block>", "only rows, no jobs, up to this block")
    .option("--yes", "delete them")
    .addOption(new Option("--dry-run", "only say it, as without --yes").conflicts("yes"))
    .action((options: Options) => act((context) => cleanUp(context, options)));
  addExamples(cleanup, "cleanup", "cleanup --yes", "cleanup --older-than 7d --yes --json");
}

/** Reads `90m`, `12h`, `7d`; an hour to 100 years. */
function toAge(text: string): number {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const unitMs = unit === "d" ? dayMs : unit === "h" ? hourMs : 60_000;
  const ageMs = Number(count) * unitMs;
  if (count === undefined || ageMs < hourMs || ageMs > maximumAgeMs) {
    throw new InvalidArgumentError("It must be an age of an hour to 100 years: 12h, 7d.");
  }
  return ageMs;
}

async function cleanUp(context: CommandContext, options: Options): Promise<Outcome> {
  const { name: network } = context.network();
  // An attempt may wait so long between its rows and its ledger row; what is younger may be in flight.
  const inFlightMs = 2 * context.config().worker.blockDeadlineMs;
  const olderThan = new Date(Date.now() - Math.max(options.olderThan, inFlightMs));
  // Before the rows: where Temporal is away, nothing is begun.
  const jobs = readWindow(options) ? [] : await cleanJobs(context, options, network);
  const tables: CleanedTable[] = [];
  for (const processor of processors) {
    tables.push(await cleanTable(context, options, { network, processor, olderThan }));
  }
  const report: Cleanup = {
    network,
    olderThan: olderThan.toISOString(),
    deleted: options.yes === true,
    tables,
    jobs,
  };
  return { json: report, text: formatCleanup(report) };
}

async function cleanJobs(
  context: CommandContext,
  { olderThan, yes }: Options,
  network: string,
): Promise<CleanedJob[]> {
  const client = await context.temporal();
  const before = new Date(Date.now() - olderThan);
  const runs = new Map<string, number>();
  for (const run of await listEndedRuns(client, { network, before })) {
    if (yes) await deleteEndedRun(client, run);
    runs.set(run.workflowId, (runs.get(run.workflowId) ?? 0) + 1);
  }
  return [...runs].map(([workflowId, count]) => ({ workflowId, runs: count }));
}

async function cleanTable(
  context: CommandContext,
  options: Options,
  query: { network: string; processor: Processor; olderThan: Date },
): Promise<CleanedTable> {
  const clickhouse = await context.clickhouse();
  const { deleteGarbage, findGarbage } = await import("../../clickhouse/garbage.ts");
  const window = readWindow(options);
  const table = dataTables[query.processor];
  const total = { table, attempts: 0, rows: 0 };
  for await (const found of findGarbage(clickhouse, { ...query, ...(window ? { window } : {}) })) {
    const batch = options.yes ? await deleteGarbage(clickhouse, query, found) : found;
    total.attempts += batch.length;
    total.rows += batch.reduce((sum, { rows }) => sum + rows, 0);
    context.terminal.say(
      `${table}: ${total.attempts} attempts up to block ${found.at(-1)?.blockNumber}`,
    );
  }
  return total;
}
