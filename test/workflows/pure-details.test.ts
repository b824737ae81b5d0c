import { expect, test } from "vitest";
import {
  describeBackfill,
  describeFollow,
  describeGapFill,
  formatDuration,
  formatNumber,
  formatRange,
} from "../../src/workflows/details.ts";

test("a running backfill tells range, progress, speed, what is in flight and what failed", () => {
  const details = describeBackfill({
    network: "mainnet",
    fromBlock: 15_000_000,
    toBlock: 15_009_999,
    totalBlocks: 10_000,
    doneBlocks: 2500,
    donePercent: 25,
    blocksPerSecond: 12.345,
    rowsPerSecond: 98_765.4,
    etaSeconds: 607,
    inFlight: [
      { fromBlock: 15_002_500, toBlock: 15_002_599 },
      { fromBlock: 15_002_600, toBlock: 15_002_600 },
    ],
    transactions: 400_000,
    rows: 20_000_000,
    failed: 2,
    concurrency: 2,
    paused: false,
    lastError: "block 15000007: trace_refused: a | b\n  second line",
    waitingFor: null,
  });
  expect(details).toMatchInlineSnapshot(`
    "**Running**

    | | |
    |---|---|
    | network   | mainnet |
    | range   | 15,000,000-15,009,999 (10,000 blocks) |
    | done   | 2,500 blocks, 25 % |
    | as of   | the last chunk that ended; see Pending Activities for those in flight |
    | rate   | 12.3 blocks/s, 98,765 rows/s |
    | time left   | 10 min 7 s |
    | in flight   | 15,002,500-15,002,599, 15,002,600 |
    | chunks side by side   | 2 |
    | stored   | 400,000 transactions, 20,000,000 rows |
    | failed   | 2 blocks, left to gap-fill |
    | last error   | block 15000007: trace_refused: a \\| b<br>second line |"
  `);
});

test("a paused backfill says so and what it waits for", () => {
  const details = describeBackfill({
    network: "demo",
    fromBlock: 0,
    toBlock: 9,
    totalBlocks: 10,
    doneBlocks: 0,
    donePercent: 0,
    blocksPerSecond: 0,
    rowsPerSecond: 0,
    etaSeconds: null,
    inFlight: [],
    transactions: 0,
    rows: 0,
    failed: 0,
    concurrency: 2,
    paused: true,
    lastError: null,
    waitingFor: "resume (paused)",
  });
  expect(details).toMatchInlineSnapshot(`
    "**Paused**

    | | |
    |---|---|
    | network   | demo |
    | range   | 0-9 (10 blocks) |
    | done   | 0 blocks, 0 % |
    | as of   | the last chunk that ended; see Pending Activities for those in flight |
    | rate   | not measured yet |
    | time left   | not known yet |
    | in flight   | nothing |
    | chunks side by side   | 2 |
    | stored   | 0 transactions, 0 rows |
    | failed   | 0 blocks |
    | waits for   | resume (paused) |"
  `);
});

test("a follow tells its place, the head and how far behind it is", () => {
  const details = describeFollow({
    network: "mainnet",
    headPolicy: "safe",
    nextBlock: 21_000_001,
    head: 21_000_004,
    lag: 4,
    paused: false,
    blocks: 1000,
    rows: 5_000_000,
    failed: 0,
    reorgs: 1,
    lastError: null,
    waitingFor: null,
  });
  expect(details).toMatchInlineSnapshot(`
    "**Running**

    | | |
    |---|---|
    | network   | mainnet |
    | head policy   | safe |
    | next block   | 21,000,001 |
    | head   | 21,000,004 |
    | as of   | the end of the last call, 30 s ago at most |
    | behind the head   | 4 blocks |
    | done   | 1,000 blocks, 5,000,000 rows |
    | failed   | 0 blocks |
    | reorgs   | 1 |"
  `);
});

test("a gap-fill tells what is missing, failed, quarantined and requeued, and what it refused", () => {
  const details = describeGapFill({
    network: "mainnet",
    missing: 12,
    failedWaiting: 3,
    quarantined: 1,
    requeued: 7,
    inFlight: [],
    recovered: 20,
    requeuedDone: 5,
    failed: 4,
    nextDueAt: "2026-11-24T05:00:00.000Z",
    paused: false,
    lastError: null,
    lastRefusal: "requeueBlocks: the body is not JSON",
    waitingFor: "the next scan at 2026-11-24 05:00:00 UTC, or a message",
  });
  expect(details).toMatchInlineSnapshot(`
    "**Waiting**

    | | |
    |---|---|
    | network   | mainnet |
    | missing   | 12 blocks |
    | failed, to be tried again   | 3 blocks |
    | next try   | 2026-11-24 05:00:00 UTC |
    | quarantined   | 1 block, which nobody tries before a release |
    | requeued, not done   | 7 blocks |
    | in flight   | nothing |
    | recovered   | 20 blocks |
    | requeued, done   | 5 blocks |
    | failed here   | 4 attempts |
    | last refused message   | requeueBlocks: the body is not JSON |
    | waits for   | the next scan at 2026-11-24 05:00:00 UTC, or a message |"
  `);
});

test("numbers, ranges and durations read as people write them", () => {
  expect([0, 999, 1000, 1_234_567, 12.3].map(formatNumber)).toEqual([
    "0",
    "999",
    "1,000",
    "1,234,567",
    "12.3",
  ]);
  expect(formatRange({ fromBlock: 1000, toBlock: 1999 })).toBe("1,000-1,999");
  expect(formatRange({ fromBlock: 1000, toBlock: 1000 })).toBe("1,000");
  expect([0, 59, 60, 3600, 3661, 90_000, 86_400].map(formatDuration)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "1 h",
    "1 h 1 min",
    "1 d 1 h",
    "1 d",
  ]);
});
