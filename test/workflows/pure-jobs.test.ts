import * as fc from "fast-check";
import { expect, test } from "vitest";
import { countBlocks, mergeRanges, subtractRanges } from "../../src/domain/block-range.ts";
import { readAcceptReorg } from "../../src/workflows/accept-reorg.ts";
import { BackfillJob } from "../../src/workflows/backfill-job.ts";
import type { BackfillInput } from "../../src/workflows/backfill-shapes.ts";
import { cutToDone } from "../../src/workflows/expected-range.ts";
import { planGapBatches } from "../../src/workflows/gap-batches.ts";
import type { IndexBlocksResult } from "../../src/workflows/index-activities.ts";
import { ReleaseQueue } from "../../src/workflows/release-queue.ts";
import {
  type ParsedRequeue,
  parseReleaseRequest,
  parseRequeueRequest,
} from "../../src/workflows/requests.ts";
import { RequeueQueue } from "../../src/workflows/requeue-queue.ts";
import { isWorthAnEvent } from "../../src/workflows/search-attributes.ts";
import { Throughput } from "../../src/workflows/throughput.ts";

const input: BackfillInput = {
  v: 1,
  network: "demo",
  processors: ["structlog"],
  fromBlock: 0,
  toBlock: 99,
  order: "oldest-first",
  concurrency: 2,
  force: false,
  chunkSeconds: 20,
  reason: "",
  actor: "",
};

function result(values: Partial<IndexBlocksResult>): IndexBlocksResult {
  return {
    nextBlock: 0,
    head: null,
    blocks: 0,
    skipped: 0,
    transactions: 0,
    rows: 0,
    failedCount: 0,
    failed: [],
    gasUsed: 0,
    seconds: 1,
    reorgs: [],
    ...values,
  };
}

const times = { startedAtMs: 0, nowMs: 1000 };

test("a backfill hands out every block once, whatever the plans, give-backs and partial results", () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 30 }),
    outcome: fc.constantFrom("whole", "partial", "given back", "left in flight"),
    continues: fc.boolean(),
  });
  const orders = fc.constantFrom("oldest-first", "newest-first");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), orders, (steps, order) => {
      let job = new BackfillJob({ ...input, order }, 0);
      const attempts: number[] = [];
      const attempt = (from: number, to: number) => {
        for (let block = from; block <= to; block += 1) attempts.push(block);
      };
      const take = (size: number) => {
        const span = job.nextSpan;
        if (!span) return undefined;
        const planned =
          order === "oldest-first"
            ? { fromBlock: span.fromBlock, toBlock: span.fromBlock + size - 1 }
            : { fromBlock: span.toBlock - size + 1, toBlock: span.toBlock };
        return job.take({ ...planned, gasUsed: null }, span);
      };
      for (const { size, outcome, continues } of steps) {
        const chunk = take(size);
        if (!chunk) break;
        if (outcome === "given back") job.giveBack(chunk);
        if (outcome === "whole" || outcome === "partial") {
          const nextBlock = outcome === "whole" ? chunk.toBlock + 1 : chunk.fromBlock + 1;
          attempt(chunk.fromBlock, nextBlock - 1);
          job.finish(chunk, result({ nextBlock, blocks: nextBlock - chunk.fromBlock }), times);
        }
        const doneBlocks = job.done.reduce((sum, range) => sum + countBlocks(range), 0);
        expect(doneBlocks).toBe(attempts.length);
        if (continues) job = new BackfillJob({ ...input, order, state: job.state }, 0);
      }
      job = new BackfillJob({ ...input, order, state: job.state }, 0);
      for (let chunk = take(7); chunk; chunk = take(7)) {
        attempt(chunk.fromBlock, chunk.toBlock);
        job.finish(chunk, result({ nextBlock: chunk.toBlock + 1 }), times);
      }
      expect(attempts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }),
  );
});

test("a backfill sizes chunks to the wanted duration by the gas it saw, correcting by a factor of 4 at most", () => {
  const job = new BackfillJob(input, 0);
  expect(job.wantedGas).toBeNull();
  const learn = (gasUsed: number, seconds: number) => {
    const span = job.nextSpan ?? { fromBlock: 0, toBlock: 0 };
    const chunk = job.take({ ...span, toBlock: span.fromBlock, gasUsed: null }, span);
    job.finish(chunk, result({ nextBlock: chunk.toBlock + 1, gasUsed, seconds }), times);
    return job.wantedGas;
  };
  expect(learn(60_000_000, 10)).toBe(120_000_000);
  expect(learn(120_000_000, 20)).toBe(120_000_000);
  expect(learn(120_000_000, 1)).toBe(480_000_000);
  expect(learn(480_000_000, 4800)).toBe(120_000_000);
  expect(learn(0, 0.5)).toBe(480_000_000);
});

test("a backfill uses the chunks that a plan foresaw, and drops them when they no longer fit", () => {
  const job = new BackfillJob(input, 0);
  const span = { fromBlock: 0, toBlock: 99 };
  const following = [
    { fromBlock: 10, toBlock: 19, gasUsed: 1 },
    { fromBlock: 20, toBlock: 29, gasUsed: 1 },
  ];
  const first = job.take({ fromBlock: 0, toBlock: 9, gasUsed: 1, following }, span);
  const second = job.takePlanned();
  expect(second).toMatchObject({ fromBlock: 10, toBlock: 19 });
  job.take({ fromBlock: 10, toBlock: 19, gasUsed: 1 }, { fromBlock: 10, toBlock: 99 });
  job.giveBack(first);
  expect(job.takePlanned()).toBeUndefined();
});

test("a plan outside of the span is cut to at least one block of it", () => {
  const job = new BackfillJob(input, 0);
  const span = { fromBlock: 0, toBlock: 99 };
  expect(job.take({ fromBlock: 500, toBlock: -5, gasUsed: 0 }, span)).toEqual({
    fromBlock: 0,
    toBlock: 0,
  });
});

test("a stopped job expects the hull of what is done, with holes left to gap-fill", () => {
  expect(cutToDone([{ fromBlock: 5, toBlock: 9 }], 5)).toEqual({
    fromBlock: 5,
    toBlock: 9,
    state: "done",
  });
  const holes = [
    { fromBlock: 5, toBlock: 9 },
    { fromBlock: 20, toBlock: 29 },
  ];
  expect(cutToDone(holes, 0)).toEqual({ fromBlock: 5, toBlock: 29, state: "abandoned" });
  expect(cutToDone([], 0)).toEqual({ fromBlock: 1, toBlock: 0, state: "done" });
});

const common: ParsedRequeue["common"] = { processors: ["structlog"], reason: "", actor: "" };
const ask = (...ranges: [number, number][]): ParsedRequeue => ({
  ranges: ranges.map(([fromBlock, toBlock]) => ({ fromBlock, toBlock })),
  common,
});
const scattered = (from: number, count: number): ParsedRequeue =>
  ask(...Array.from({ length: count }, (_, i): [number, number] => [from + i * 2, from + i * 2]));

test("a requeue queue holds each block once, whatever is asked for in whatever order", () => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 9 }))
    .map(([fromBlock, length]) => ({ fromBlock, toBlock: fromBlock + length }));
  const at = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), at, (asked, takeAt) => {
      const queue = new RequeueQueue([]);
      let queued = 0;
      for (const [index, wanted] of asked.entries()) {
        if (index === takeAt) queue.take(3);
        const answer = queue.add({ ranges: [wanted], common }, false);
        expect(answer.queued + answer.alreadyQueued).toBe(countBlocks(wanted));
        queued += answer.queued;
      }
      expect(queue.blocks).toBe(queued);
      const distinct = mergeRanges(asked).reduce((sum, each) => sum + countBlocks(each), 0);
      expect(queued).toBe(distinct);
      expect(subtractRanges(asked, queue.pending)).toEqual([]);
    }),
  );
});

test("a requeue for one processor does not stand for one of all", () => {
  const queue = new RequeueQueue([]);
  queue.add(ask([1, 5]), false);
  const both: ParsedRequeue["common"] = { ...common, processors: ["structlog", "transaction"] };
  expect(queue.add({ ...ask([1, 5]), common: both }, false)).toMatchObject({
    queued: 5,
    alreadyQueued: 0,
  });
  expect(queue.add(ask([1, 5]), false)).toMatchObject({ queued: 0, alreadyQueued: 5 });
});

test("a full requeue queue refuses what does not fit and keeps what it has", () => {
  const queue = new RequeueQueue([]);
  for (let request = 0; request < 5; request += 1)
    queue.add(scattered(request * 2000, 1000), false);
  expect(queue.blocks).toBe(5000);

  const answer = queue.add(ask([20_000, 20_000]), true);

  expect(answer).toEqual({
    queued: 0,
    alreadyQueued: 0,
    refused: [
      { blocks: "20,000", why: expect.stringContaining("the queue is full (5000 ranges)") },
    ],
    paused: true,
  });
});

test("a requeue queue never outgrows the payload that carries it, nor the time of a workflow task", () => {
  const queue = new RequeueQueue([]);
  const wordy = { ...common, reason: "\u{1F9F6}".repeat(100), actor: "a".repeat(50) };
  const before = process.cpuUsage();
  for (let request = 0; request < 5; request += 1) {
    queue.add({ ...scattered(request * 2000, 1000), common: wordy }, false);
  }
  expect(Buffer.byteLength(JSON.stringify(queue.pending))).toBeLessThanOrEqual(1_000_000);
  // The SDK takes a task of 5 s for a deadlock. Our own time, whatever else the machine does.
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(2500);
});

test("what was taken and not reached waits again, first of all", () => {
  const queue = new RequeueQueue([]);
  queue.add(ask([1, 10], [20, 20]), false);
  expect(queue.take(4)).toMatchObject({ fromBlock: 1, toBlock: 4 });
  queue.putDown(3);
  expect(queue.take(10)).toMatchObject({ fromBlock: 3, toBlock: 4 });
  queue.putDown(5);
  expect(queue.take(10)).toMatchObject({ fromBlock: 5, toBlock: 10 });
});

test("releases are bounded", () => {
  const queue = new ReleaseQueue([]);
  const release = { ranges: [{ fromBlock: 1, toBlock: 2 }], kind: null, reason: "", actor: "" };
  for (let index = 0; index < 200; index += 1) expect(queue.add(release)).toBeNull();
  expect(queue.add(release)).toContain("the queue is full (200 releases)");
});

test("no JSON value makes the parsers throw", () => {
  const blocks = fc.array(fc.oneof(fc.integer(), fc.double(), fc.string(), fc.jsonValue()));
  const shaped = fc.record(
    { blocks, processor: fc.jsonValue(), reason: fc.jsonValue(), kind: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), shaped), (body) => {
      for (const parsed of [parseRequeueRequest(body, ["structlog"]), parseReleaseRequest(body)]) {
        if (parsed.kind === "refused") expect(parsed.reason.length).toBeGreaterThan(10);
      }
    }),
  );
});

test("a requeue takes null for absent, aliases, and cuts long words", () => {
  const body = {
    blocks: [1, "2-3", "3"],
    processor: "transaction_simple",
    reason: "x".repeat(500),
    actor: null,
  };
  expect(parseRequeueRequest(body, ["structlog", "transaction"])).toEqual({
    kind: "ok",
    request: {
      ranges: [{ fromBlock: 1, toBlock: 3 }],
      common: { processors: ["transaction"], reason: "x".repeat(200), actor: "" },
    },
  });
});

test.each([
  [{ blocks: ["latest"] }, '"latest": "latest" is no block number'],
  [{ blocks: ["1-2000"] }, "more than 1000 blocks"],
  [
    { blocks: [1], processor: "logs" },
    'the processor "logs" does not exist; processors: structlog',
  ],
  [{ blocks: [1], processor: "structlog_agg" }, 'the processor "structlog_agg" is not in use here'],
  ["17000000", 'the body is not an object like {"blocks":[17000000'],
])("the refusal of %j says what is wrong", (body, words) => {
  const parsed = parseRequeueRequest(body, ["structlog", "transaction"]);
  expect(parsed).toMatchObject({ kind: "refused", reason: expect.stringContaining(words) });
});

test("gap batches hold each block once, newest first, due and missing ones in turn, nothing that a requeue has", () => {
  const batches = planGapBatches(
    { missing: [{ fromBlock: 0, toBlock: 24 }], due: [3, 50, 51], unchained: [10, 60, 70] },
    10,
    [{ fromBlock: 70, toBlock: 80 }],
  );
  expect(batches.map(({ fromBlock, toBlock, force }) => [fromBlock, toBlock, force])).toEqual([
    [50, 51, false],
    [15, 24, false],
    [3, 3, false],
    [5, 14, false],
    [4, 4, false],
    [0, 2, false],
    [60, 60, true],
  ]);
});

test("throughput counts chunks side by side and forgets over a pause", () => {
  const throughput = new Throughput();
  expect(throughput.rate).toEqual({ blocksPerSecond: 0, rowsPerSecond: 0 });
  throughput.add({ startedAtMs: 0, endedAtMs: 10_000, blocks: 100, rows: 1000 });
  throughput.add({ startedAtMs: 0, endedAtMs: 10_000, blocks: 100, rows: 3000 });
  expect(throughput.rate).toEqual({ blocksPerSecond: 20, rowsPerSecond: 400 });
  throughput.reset();
  expect(throughput.rate.blocksPerSecond).toBe(0);
});

test("an upsert of search attributes is worth its event at a step of progress, a new status or doubled failures", () => {
  const written = {
    network: "demo",
    jobKind: "backfill",
    jobStatus: "running",
    fromBlock: 0,
    toBlock: 9,
    failedBlocks: 4,
    donePercent: 10,
  } as const;
  expect(isWorthAnEvent(written, { ...written, donePercent: 14, failedBlocks: 7 })).toBe(false);
  expect(isWorthAnEvent(written, { ...written, donePercent: 15 })).toBe(true);
  expect(isWorthAnEvent(written, { ...written, failedBlocks: 8 })).toBe(true);
  expect(isWorthAnEvent(written, { ...written, failedBlocks: 2 })).toBe(true);
  expect(isWorthAnEvent(written, { ...written, jobStatus: "paused" })).toBe(true);
});

test.each([5, "5", "17M", 0, "0"])("a person's word on a reorg names block %j", (fromBlock) => {
  const blockHash = `0x${"a".repeat(64)}`;
  const expected = fromBlock === "17M" ? 17_000_000 : Number(fromBlock);
  expect(readAcceptReorg({ fromBlock, blockHash })).toEqual({
    fromBlock: expected,
    blockHash,
    actor: "",
  });
});

test.each([
  { fromBlock: null },
  { fromBlock: "" },
  { fromBlock: " " },
  { fromBlock: true },
  { fromBlock: false },
  { fromBlock: [] },
  { fromBlock: [5] },
  { fromBlock: {} },
  { fromBlock: "five" },
  { fromBlock: "5-6" },
  { fromBlock: "5:+2" },
  { fromBlock: 1.5 },
  { fromBlock: -1 },
  { fromBlock: 2 ** 53 },
  {},
])("a person's word on a reorg that says %j is not taken", (place) => {
  const blockHash = `0x${"a".repeat(64)}`;
  expect(readAcceptReorg({ ...place, blockHash })).toBeUndefined();
});
