import { formatCount, formatPercent } from "../../client/views/format.ts";
import { type BlockRange, countBlocks } from "../../domain/block-range.ts";
import type { StoryResult } from "./story.ts";
import { closeTable, type Line, line } from "./table.ts";

export type ClosingFacts = StoryResult & {
  /** Transactions that the chain itself counts. */
  readonly chainTransactions: number;
  /** Most memory that a worker held, in bytes. */
  readonly peakMemory: number;
  readonly seconds: number;
};

/** The last word of the demo. @returns The table, and whether all of it is proven. */
export function closeStory(facts: ClosingFacts): { text: string; isProven: boolean } {
  return closeTable(judge(facts));
}

function judge(facts: ClosingFacts): Line[] {
  const { coverage, head } = facts;
  const sum = (count: (one: StoryResult["coverage"]["processors"][number]) => number) =>
    coverage.processors.reduce((total, one) => total + count(one), 0);
  const structlog = coverage.processors.find(({ processor }) => processor === "structlog");
  const blocks = head + 1;
  const fewestProven = Math.min(...coverage.processors.map((one) => one.blocks.proven));
  const duplicates = sum((one) => one.duplicates);
  // A block that no job answers for is missing too, even if its rows are there.
  const missing = Math.max(
    ...coverage.processors.map((one) => one.blocks.missing + countAll(one.notExpected)),
  );
  return [
    line("blocks", formatCount(blocks), fewestProven === blocks),
    line(
      "transactions",
      formatCount(structlog?.transactionCount ?? 0),
      structlog?.transactionCount === facts.chainTransactions,
    ),
    line("structlog rows", formatCount(structlog?.rowCount ?? 0), (structlog?.rowCount ?? 0) > 0),
    line(
      "failed and recovered",
      formatCount(facts.failedAndRecovered),
      facts.failedAndRecovered > 0,
    ),
    line("worker kills", formatCount(facts.workerKills), facts.workerKills === 1),
    line("requeued", formatCount(facts.requeued), facts.requeued > 0),
    line("duplicates", formatCount(duplicates), duplicates === 0),
    line("missing", formatCount(missing), missing === 0),
    line("proven", formatPercent((100 * fewestProven) / blocks), coverage.proven),
    line("peak memory of the worker", `${formatCount(Math.round(facts.peakMemory / 2 ** 20))} MB`),
    line("time", `${facts.seconds.toFixed(1)} s`),
  ];
}

function countAll(ranges: readonly BlockRange[]): number {
  return ranges.reduce((total, range) => total + countBlocks(range), 0);
}
