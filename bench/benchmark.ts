import type { StopList } from "../src/dev/stop-list.ts";

/** What a benchmark may use. */
export type Bench = {
  /** Small input, for a look; the numbers of docs/performance.md come from the full form. */
  readonly isQuick: boolean;
  readonly runs: number;
  /** A folder of this run alone. */
  readonly folder: string;
  /** Whatever is added here is stopped at the end, last first. */
  readonly stops: StopList;
  readonly say: (line: string) => void;
};

/** A second number of the same runs that has a limit of its own. */
export type Also = {
  readonly name: string;
  readonly value: number;
  readonly target: number;
  readonly lowerIsBetter: boolean;
};

/** What was measured. `ratio` compares with the benchmark's target; `values` are in its unit, one a run. */
export type Measured = {
  readonly ratio: number;
  readonly values: readonly number[];
  readonly also?: readonly Also[];
  readonly detail: Readonly<Record<string, unknown>>;
};

export type Benchmark = {
  readonly name: string;
  /** What `ratio` is, in one line. */
  readonly about: string;
  readonly unit: string;
  readonly target: number;
  readonly lowerIsBetter: boolean;
  readonly measure: (bench: Bench) => Promise<Measured>;
};

export type Report = {
  readonly name: string;
  readonly ratio: number;
  readonly target: number;
  readonly lowerIsBetter: boolean;
  readonly unit: string;
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly detail: Readonly<Record<string, unknown>>;
};

export function toReport(benchmark: Benchmark, measured: Measured): Report {
  const { name, target, lowerIsBetter, unit, about } = benchmark;
  const { values, also = [], detail } = measured;
  return {
    name,
    ratio: round(measured.ratio),
    target,
    lowerIsBetter,
    unit,
    runs: values.length,
    median: round(median(values)),
    min: round(Math.min(...values)),
    max: round(Math.max(...values)),
    detail: {
      about,
      isReached: isReached({ value: measured.ratio, target, lowerIsBetter }),
      also: also.map((one) => ({ ...one, value: round(one.value), isReached: isReached(one) })),
      ...detail,
    },
  };
}

export function isReached(one: Pick<Also, "value" | "target" | "lowerIsBetter">): boolean {
  return one.lowerIsBetter ? one.value <= one.target : one.value >= one.target;
}

/** The middle of an odd number of values, the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const high = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (low + high) / 2;
}

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Four significant digits: more is noise. */
export function round(value: number): number {
  return Number(value.toPrecision(4));
}
