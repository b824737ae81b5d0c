import { countBlocks } from "../../domain/block-range.ts";
import { formatBlockRange } from "../block-text.ts";
import { type CoverageReport, coverageStatuses, type ProcessorCoverage } from "../coverage.ts";
import { formatBlocks, formatCount, formatTable } from "./format.ts";

/** The most ranges that people are shown; `--json` has all. */
const shownRanges = 20;

export function formatCoverage(report: CoverageReport): string {
  const table = formatTable(
    ["processor", ...coverageStatuses, "transactions", "rows", "recounted"],
    report.processors.map((coverage) => [
      coverage.processor,
      ...coverageStatuses.map((status) => formatCount(coverage.blocks[status])),
      formatCount(coverage.transactionCount),
      formatCount(coverage.rowCount),
      recounted(coverage),
    ]),
  );
  const problems = report.processors.flatMap(describeProblems);
  const shown = problems.slice(0, shownRanges);
  const omitted = report.processors.reduce((sum, one) => sum + (one.rangesOmitted ?? 0), 0);
  const left = problems.length - shown.length;
  const more = [
    ...(left > 0 ? [`  and ${left} more (--json)`] : []),
    ...(omitted > 0 ? [`  and ${formatCount(omitted)} ranges more than are listed at all`] : []),
  ];
  return [table, ...shown, ...more, verdict(report)].join("\n");
}

/** When the oldest of all counts was made, or how many blocks were counted again since they were stored. */
function recounted({ lastRecountAt, ranges }: ProcessorCoverage): string {
  if (lastRecountAt !== null) return lastRecountAt;
  const counted = ranges.filter((range) => typeof range.lastRecountAt === "string");
  if (counted.length === 0) return "never";
  const blocks = counted.reduce((sum, range) => sum + countBlocks(range), 0);
  return `${formatBlocks(blocks)} of them`;
}

function describeProblems(coverage: ProcessorCoverage): string[] {
  const { processor, ranges, notExpected, miscounted, duplicates } = coverage;
  const line = (blocks: string, what: string) => `  ${processor} ${blocks}: ${what}`;
  return [
    ...ranges
      .filter(({ status }) => status !== "proven")
      .map((range) =>
        line(formatBlockRange(range), `${range.status}, ${formatBlocks(countBlocks(range))}`),
      ),
    ...notExpected.map((range) =>
      line(formatBlockRange(range), "not expected: no job was told to index them"),
    ),
    ...miscounted.map((block) => line(String(block), "stored rows differ from the ledger's count")),
    ...(duplicates > 0 ? [line("", `${formatCount(duplicates)} rows stand twice`)] : []),
  ];
}

function verdict({ network, proven, processors }: CoverageReport): string {
  if (proven) {
    const blocks = Math.max(...processors.map(({ blocks: counts }) => counts.proven));
    return `Proven: all of ${network}, ${formatBlocks(blocks)}.`;
  }
  if (processors.every(({ expected }) => expected.length === 0)) {
    return `Not proven: nothing of ${network} was ever asked for here. Start with: npm run client -- backfill <from>-<to>`;
  }
  return "Not proven. A block's story: npm run client -- coverage --explain <block>";
}
