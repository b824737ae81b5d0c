import type { BlockRange } from "../domain/block-range.ts";
import type { BackfillProgress } from "./backfill-shapes.ts";
import type { FollowProgress } from "./follow-shapes.ts";
import type { GapFillProgress } from "./gap-fill-shapes.ts";
import type { NodeProgress } from "./waiting.ts";

// The markdown that the Temporal UI shows as "Current details". Pure.

/** A row of a table: what it is, what it says. A row that says nothing is left out. */
type Row = readonly [label: string, value: string | number | null];

/** The UI sets columns without space between them, and a plain space at the end of a cell is cut off. */
const columnGap = "\u00A0\u00A0";
/** How many ranges in flight are named before the rest is counted. */
const maximumRangesShown = 6;

/** `17,000,000` for a number, as a person reads it. */
export function formatNumber(value: number): string {
  const [whole = "", fraction] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${grouped}.${fraction}` : grouped;
}

/** `1 block`, `1,234 blocks`. */
function formatBlocks(count: number): string {
  return count === 1 ? "1 block" : `${formatNumber(count)} blocks`;
}

/** `1,000-1,999`, or `1,000` for one block. */
export function formatRange({ fromBlock, toBlock }: BlockRange): string {
  return fromBlock === toBlock
    ? formatNumber(fromBlock)
    : `${formatNumber(fromBlock)}-${formatNumber(toBlock)}`;
}

/** `2 d 3 h`, `3 h 5 min`, `5 min 20 s` or `20 s`: the two largest units. */
export function formatDuration(seconds: number): string {
  const units = [
    { name: "d", size: 86_400 },
    { name: "h", size: 3600 },
    { name: "min", size: 60 },
    { name: "s", size: 1 },
  ];
  const first = units.findIndex(({ size }) => seconds >= size);
  if (first === -1) return "0 s";
  let rest = Math.round(seconds);
  return units
    .slice(first, first + 2)
    .map(({ name, size }) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return { name, count };
    })
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${count} ${name}`)
    .join(" ");
}

/** `2026-11-24 05:00:00 UTC` for an ISO time. */
export function formatTime(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

/** What a backfill shows. */
export function describeBackfill(progress: BackfillProgress): string {
  const { doneBlocks, totalBlocks, donePercent, etaSeconds } = progress;
  return table(statusOf(progress), [
    ["network", progress.network],
    ["range", `${formatRange(progress)} (${formatBlocks(totalBlocks)})`],
    ["done", `${formatBlocks(doneBlocks)}, ${donePercent} %`],
    ["as of", "the last chunk that ended; see Pending Activities for those in flight"],
    ["rate", formatRate(progress)],
    ["time left", etaSeconds === null ? "not known yet" : formatDuration(etaSeconds)],
    ["in flight", formatRanges(progress.inFlight)],
    ["chunks side by side", progress.concurrency],
    [
      "stored",
      `${formatNumber(progress.transactions)} transactions, ${formatNumber(progress.rows)} rows`,
    ],
    [
      "failed",
      `${formatBlocks(progress.failed)}${progress.failed > 0 ? ", left to gap-fill" : ""}`,
    ],
    ["nodes that refused", formatNodes(progress.nodes)],
    ["last error", progress.lastError],
    ["waits for", progress.waitingFor],
  ]);
}

/** What a follow shows. */
export function describeFollow(progress: FollowProgress): string {
  return table(statusOf(progress), [
    ["network", progress.network],
    ["head policy", progress.headPolicy ?? "as configured"],
    [
      "next block",
      progress.nextBlock === null ? "not known yet" : formatNumber(progress.nextBlock),
    ],
    ["head", progress.head === null ? "not known yet" : formatNumber(progress.head)],
    ["as of", "the end of the last call, 30 s ago at most"],
    ["behind the head", progress.lag === null ? null : formatBlocks(progress.lag)],
    ["done", `${formatBlocks(progress.blocks)}, ${formatNumber(progress.rows)} rows`],
    [
      "failed",
      `${formatBlocks(progress.failed)}${progress.failed > 0 ? ", left to gap-fill" : ""}`,
    ],
    ["reorgs", formatNumber(progress.reorgs)],
    ["nodes that refused", formatNodes(progress.nodes)],
    ["last error", progress.lastError],
    ["waits for", progress.waitingFor],
  ]);
}

/** What a gap-fill shows. */
export function describeGapFill(progress: GapFillProgress): string {
  return table(statusOf(progress), [
    ["network", progress.network],
    ["missing", formatBlocks(progress.missing)],
    ["failed, to be tried again", formatBlocks(progress.failedWaiting)],
    ["next try", progress.nextDueAt && formatTime(progress.nextDueAt)],
    ["quarantined", quarantined(progress.quarantined)],
    ["requeued, not done", formatBlocks(progress.requeued)],
    ["in flight", formatRanges(progress.inFlight)],
    ["recovered", formatBlocks(progress.recovered)],
    ["requeued, done", formatBlocks(progress.requeuedDone)],
    ["failed here", `${formatNumber(progress.failed)} attempts`],
    ["nodes that refused", formatNodes(progress.nodes)],
    ["last error", progress.lastError],
    ["last refused message", progress.lastRefusal || null],
    ["waits for", progress.waitingFor],
  ]);
}

/** What the job decided of its nodes, once one of them said that it is asked too often. */
function formatNodes(nodes: readonly NodeProgress[] | undefined): string | null {
  const words = nodes
    ?.filter(({ refusals, traces }) => refusals > 0 || traces !== null)
    .map(({ node, traces, refusals, restsUntil }) => {
      const allowed = traces === null ? "as many traces as its workers take" : tracesAtOnce(traces);
      const rest = restsUntil === null ? "" : `, left alone until ${formatTime(restsUntil)}`;
      return `${node}: ${formatNumber(refusals)} times, ${allowed}${rest}`;
    });
  return words && words.length > 0 ? words.join("\n") : null;
}

function tracesAtOnce(traces: number): string {
  return traces === 1 ? "1 trace at once" : `${formatNumber(traces)} traces at once`;
}

function quarantined(count: number): string {
  return count > 0 ? `${formatBlocks(count)}, which nobody tries before a release` : "0 blocks";
}

function statusOf({
  paused,
  waitingFor,
  halted,
}: {
  paused: boolean;
  waitingFor: string | null;
  halted?: boolean;
}): string {
  if (paused) return "Paused";
  if (halted) return "Halted: only a person can set it going again";
  return waitingFor === null ? "Running" : "Waiting";
}

function formatRate(rate: { blocksPerSecond: number; rowsPerSecond: number }): string {
  if (rate.blocksPerSecond === 0) return "not measured yet";
  const blocks = formatNumber(Math.round(rate.blocksPerSecond * 10) / 10);
  return `${blocks} blocks/s, ${formatNumber(Math.round(rate.rowsPerSecond))} rows/s`;
}

function formatRanges(ranges: readonly BlockRange[]): string {
  if (ranges.length === 0) return "nothing";
  const shown = ranges.slice(0, maximumRangesShown).map(formatRange).join(", ");
  const more = ranges.length - maximumRangesShown;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** A table under a line that says how things stand; rows that say nothing are left out. */
export function table(status: string, rows: readonly Row[]): string {
  const lines = rows
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `| ${label}${columnGap} | ${toCell(String(value))} |`);
  return [`**${status}**`, "", "| | |", "|---|---|", ...lines].join("\n");
}

/** A cell is one line, and a bar would end it. */
function toCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, "<br>");
}
