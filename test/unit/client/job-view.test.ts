import { describe, expect, test } from "vitest";
import {
  explainWait,
  type JobStatus,
  type PendingActivity,
} from "../../../src/client/job-status.ts";
import { compareSettings } from "../../../src/client/start-job.ts";
import {
  formatCount,
  formatPercent,
  formatRate,
  formatSeconds,
} from "../../../src/client/views/format.ts";
import {
  countDone,
  formatJob,
  formatStatus,
  withHeartbeat,
} from "../../../src/client/views/job-view.ts";
import type { BackfillProgress } from "../../../src/workflows/backfill-shapes.ts";
import type { FollowProgress } from "../../../src/workflows/follow-shapes.ts";

const backfill: BackfillProgress = {
  network: "devnet",
  fromBlock: 0,
  toBlock: 99,
  totalBlocks: 100,
  doneBlocks: 40,
  donePercent: 40,
  blocksPerSecond: 4,
  rowsPerSecond: 1234,
  etaSeconds: 75,
  inFlight: [{ fromBlock: 40, toBlock: 59 }],
  transactions: 80,
  rows: 4000,
  failed: 1,
  concurrency: 2,
  paused: false,
  lastError: null,
  waitingFor: null,
};

function pending(
  heartbeat: { blocks: number; waitingFor?: string } | null,
  failure: Partial<PendingActivity> = {},
): PendingActivity {
  const done = {
    head: null,
    blocks: heartbeat?.blocks ?? 0,
    skipped: 0,
    transactions: 0,
    rows: 0,
    failedCount: 0,
    failed: [],
    gasUsed: 0,
    seconds: 0,
    reorgs: [],
  };
  return {
    type: "indexBlocks",
    attempt: 1,
    isStarted: true,
    lastFailure: null,
    heartbeat: heartbeat && {
      v: 1,
      nextBlock: 0,
      done,
      inHand: null,
      waitingFor: heartbeat.waitingFor ?? null,
    },
    ...failure,
  };
}

const job: JobStatus = {
  workflowId: "backfill/devnet/0-99",
  kind: "backfill",
  network: "devnet",
  range: { fromBlock: 0, toBlock: 99 },
  startedAt: "2026-01-01T00:00:00.000Z",
  donePercent: 40,
  progress: backfill,
  pending: [pending({ blocks: 7 })],
  waitingFor: null,
};

test("blocks that running chunks have done count, and never more than there are", () => {
  expect(countDone(backfill, [pending({ blocks: 7 }), pending(null)])).toBe(47);
  expect(countDone(backfill, [pending({ blocks: 70 })])).toBe(100);
});

describe("a follow", () => {
  const follow: FollowProgress = {
    network: "devnet",
    headPolicy: null,
    nextBlock: 100,
    head: 99,
    lag: 0,
    paused: false,
    blocks: 100,
    rows: 500,
    failed: 1,
    reorgs: 0,
    lastError: null,
    waitingFor: null,
  };

  test("is as far as the heartbeat of its call in flight", () => {
    const { heartbeat, ...call } = pending({ blocks: 20 });
    const told = { ...heartbeat!, nextBlock: 120, done: { ...heartbeat!.done, head: 122 } };
    expect(withHeartbeat(follow, [{ ...call, heartbeat: told }])).toMatchObject({
      nextBlock: 120,
      head: 122,
      lag: 3,
      blocks: 120,
    });
  });

  test("is as far as the workflow knows where no call is in flight", () => {
    expect(withHeartbeat(follow, [pending(null)])).toBe(follow);
  });
});

describe("what a job waits for", () => {
  test("is what its activity says first", () => {
    const said = pending({ blocks: 0, waitingFor: "the node" });
    expect(explainWait({ waitingFor: "something else" }, [said])).toBe("the node");
  });

  test("else the failure that its activity is retried over, without the fix", () => {
    const failed = pending(null, {
      attempt: 3,
      lastFailure: "ClickHouse does not answer.\n  connection refused\n  Fix: check that it runs",
    });
    expect(explainWait({ waitingFor: null }, [failed])).toBe(
      "attempt 3 of indexBlocks: ClickHouse does not answer. connection refused",
    );
  });

  test("is nothing once the attempt after a failure has a block in hand", () => {
    const { heartbeat } = pending({ blocks: 1 });
    const atWork = pending(null, {
      attempt: 2,
      lastFailure: "ClickHouse does not answer.",
      heartbeat: heartbeat && { ...heartbeat, inHand: { blockNumber: 7, lostAttempts: 0 } },
    });
    expect(explainWait({ waitingFor: null }, [atWork])).toBeNull();
    expect(explainWait({ waitingFor: null }, [{ ...atWork, isStarted: false }])).toBe(
      "attempt 2 of indexBlocks: ClickHouse does not answer.",
    );
  });

  test("else a worker, where none answers", () => {
    expect(explainWait(null, [])).toBe("a worker: none answers");
  });

  test("else nothing", () => {
    expect(explainWait({ waitingFor: null }, [pending({ blocks: 1 })])).toBeNull();
  });
});

test("a job reads as fields", () => {
  expect(formatJob({ ...job, waitingFor: "the node" }, "http://ui/x")).toMatchInlineSnapshot(`
    "job          backfill/devnet/0-99
    run since    2026-01-01T00:00:00.000Z
    state        waiting
    range        0-99
    done         47 of 100 blocks (47.0 %)
    rate         4.0 blocks/s, 1,234 rows/s
    time left    1 min 15 s
    in flight    40-59
    concurrency  2
    rows         4,000
    failed       1
    waits for    the node
    UI           http://ui/x"
  `);
});

test("every job is a line, and nobody at work is said", () => {
  const waiting: JobStatus = { ...job, progress: null, waitingFor: "a worker: none answers" };
  expect(formatStatus([job, waiting], [])).toMatchInlineSnapshot(`
    "job                   state      done  rate          time left   lag  failed
    backfill/devnet/0-99  running  47.0 %  4.0 blocks/s  1 min 15 s            1
    backfill/devnet/0-99  waiting  40.0 %
    backfill/devnet/0-99 waits for a worker: none answers

    No worker is alive. Start one: npm run worker"
  `);
  expect(formatStatus([], [])).toContain("No job runs.");
});

test("settings are compared where somebody asked for them", () => {
  const running = { order: "oldest-first", concurrency: 2, processors: ["structlog"] };
  expect(compareSettings(running, { processors: ["structlog"] })).toEqual([]);
  expect(compareSettings(running, { concurrency: 4, headPolicy: "safe" })).toEqual([
    "concurrency: running 2, wanted 4",
    'headPolicy: running null, wanted "safe"',
  ]);
});

test("numbers read well", () => {
  expect(formatCount(1234567)).toBe("1,234,567");
  expect([0.44, 12.3, 1234.4].map(formatRate)).toEqual(["0.4", "12", "1,234"]);
  expect([42, 75, 3725].map(formatSeconds)).toEqual(["42 s", "1 min 15 s", "1 h 02 min"]);
  expect([99.99, 100].map(formatPercent)).toEqual(["99.9 %", "100.0 %"]);
});
