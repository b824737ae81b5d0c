import { expect, test } from "vitest";
import type { ProcessorCoverage } from "../../../src/client/coverage.ts";
import { type ClosingFacts, closeStory } from "../../../src/dev/demo/closing-table.ts";
import { RateWindow } from "../../../src/dev/demo/rate-window.ts";
import { assemble, initCodeOf } from "../../../src/dev/demo-chain/assembler.ts";
import { FaultPlan } from "../../../src/dev/fault-plan.ts";

const covered = (change: Partial<ProcessorCoverage> = {}): ProcessorCoverage => ({
  network: "demo",
  processor: "structlog",
  expected: [{ fromBlock: 0, toBlock: 99 }],
  blocks: { proven: 100, unverified: 0, failed: 0, quarantined: 0, missing: 0 },
  ranges: [],
  transactionCount: 300,
  rowCount: 5000,
  miscounted: [],
  duplicates: 0,
  lastRecountAt: null,
  notExpected: [],
  proven: true,
  ...change,
});

const facts = (change: Partial<ClosingFacts> = {}, processor = covered()): ClosingFacts => ({
  head: 99,
  coverage: { network: "demo", proven: processor.proven, processors: [processor] },
  failedAndRecovered: 2,
  workerKills: 1,
  requeued: 10,
  chainTransactions: 300,
  peakMemory: 300 * 2 ** 20,
  seconds: 60,
  ...change,
});

test("the story is proven when every line is right", () => {
  const { isProven, text } = closeStory(facts());
  expect(isProven).toBe(true);
  expect(text).toMatch(/peak memory of the worker +│ 300 MB/);
});

test.each([
  ["a block is not proven", facts({}, covered({ proven: false }))],
  ["a block lies above what any job answers for", facts({ head: 100 })],
  ["a row is doubled", facts({}, covered({ duplicates: 1 }))],
  ["transactions are not those of the chain", facts({ chainTransactions: 301 })],
  ["no block failed", facts({ failedAndRecovered: 0 })],
  ["the worker was not killed", facts({ workerKills: 0 })],
  ["nothing was requeued", facts({ requeued: 0 })],
  ["no rows were stored", facts({}, covered({ rowCount: 0 }))],
])("the story is not proven when %s", (_, wrong) => {
  const { isProven, text } = closeStory(wrong);
  expect(isProven).toBe(false);
  expect(text).toContain("WRONG");
});

test("blocks that no job answers for count as missing", () => {
  const gap = covered({ notExpected: [{ fromBlock: 90, toBlock: 99 }] });
  expect(closeStory(facts({}, gap)).text).toMatch(/missing +│ 10 +│ WRONG/);
});

test("a rate is that of the last ten seconds, and starts afresh when the count sinks", () => {
  const rate = new RateWindow();
  expect(rate.add(0, 0)).toBe(0);
  expect(rate.add(100, 1000)).toBe(100);
  expect(rate.add(100, 20_000)).toBeLessThan(1);
  expect(rate.add(40, 21_000)).toBe(0);
  expect(rate.add(90, 22_000)).toBe(50);
});

test("assembles numbers as short as they fit, and jumps to labels", () => {
  expect(assemble("0 1 256 loop: @loop JUMP")).toBe("0x5f60016101005b61000656");
  expect(() => assemble("NOPE")).toThrow('"NOPE" is no opcode');
  expect(() => assemble("@nowhere")).toThrow('no label "nowhere"');
});

test("init code returns the code behind it", () => {
  expect(initCodeOf("0x00")).toBe("0x60018060095f395ff300");
});

test("a fault planned by number hits the block's hash once it was seen, and only so often", () => {
  const plan = new FaultPlan();
  const hash = `0x${"ab".repeat(32)}`;
  plan.failBlock(16, "short", 2);
  expect(plan.take(hash)).toBeUndefined();
  plan.learn(16, hash.toUpperCase().replace("0X", "0x"));
  expect(plan.take(hash)).toBe("short");
  expect(plan.take("0x10")).toBe("short");
  expect(plan.take(hash)).toBeUndefined();
  expect(plan.injected.map(({ fault }) => fault)).toEqual(["short", "short"]);
});
