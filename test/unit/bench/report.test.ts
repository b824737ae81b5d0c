import { expect, test } from "vitest";
import { type Benchmark, median, percentile, toReport } from "../../../bench/benchmark.ts";
import {
  gasOfGiant,
  giantCode,
  giantTrace,
  roundsFor,
} from "../../../bench/programs/giant-trace.ts";

const benchmark: Benchmark = {
  name: "sample",
  about: "ours over theirs",
  unit: "rows/s",
  target: 5,
  lowerIsBetter: false,
  measure: () => Promise.reject(new Error("not measured here")),
};

test("a report holds the middle of the runs and says whether each limit is reached", () => {
  const also = [{ name: "memory", value: 401, target: 400, lowerIsBetter: true }];
  const report = toReport(benchmark, { ratio: 5, values: [3, 1, 2], also, detail: {} });
  expect(report).toMatchObject({ ratio: 5, runs: 3, median: 2, min: 1, max: 3 });
  expect(report.detail).toMatchObject({ isReached: true, also: [{ isReached: false }] });
});

test("middles and percentiles of few values are values of theirs", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(percentile([10, 30, 20], 0.95)).toBe(30);
  expect(percentile([10, 30, 20], 0.5)).toBe(20);
});

test("the giant's trace is one JSON answer whose gas sinks step by step to what its code leaves", () => {
  const rounds = roundsFor(2_000_000);
  const setting = { id: 7, rounds, firstGas: 1_000_000, gasUsed: 1, transactionHash: "0x12" };
  const text = [...giantTrace(setting)].join("");
  const [{ result }] = JSON.parse(text).result;
  const steps: { gas: number; gasCost: number; op: string }[] = result.structLogs;
  for (const [index, step] of steps.entries()) {
    expect(steps[index + 1]?.gas ?? step.gas).toBe(step.gas - step.gasCost);
  }
  expect(steps.at(-1)).toMatchObject({ op: "STOP", gas: 1_000_000 - gasOfGiant(rounds) });
  expect(text.length).toBeGreaterThan(1_600_000);
  expect(giantCode(rounds).length).toBeLessThan(700);
});
