import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BlockFailure,
  decideRetry,
  type RetryPolicy,
  retryDelayMs,
} from "../../../src/domain/block-retry.ts";

const policy: RetryPolicy = {
  initialDelayMs: 30_000,
  maximumDelayMs: 6 * 3_600_000,
  maximumAttempts: 12,
};
const minutes = 60_000;

function decide(failures: readonly BlockFailure[], attempts = failures.length, nodes = 1) {
  return decideRetry({ failures, attempts, nodes, policy, random: 0.5 });
}

function failuresOf(kind: string, atMs: readonly number[], node = "a"): BlockFailure[] {
  return atMs.map((at) => ({ kind, node, atMs: at }));
}

describe("the delay", () => {
  test("doubles from the first one up to the longest", () => {
    const ceilings = [1, 2, 3, 10, 11, 50].map((attempts) =>
      retryDelayMs({ attempts, policy, random: 1 }),
    );
    expect(ceilings).toEqual([
      30_000,
      60_000,
      120_000,
      15_360_000,
      policy.maximumDelayMs,
      policy.maximumDelayMs,
    ]);
  });

  test("is a random part of its ceiling, never 0", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempts, random) => {
          const delay = retryDelayMs({ attempts, policy, random });
          expect(delay).toBeGreaterThan(0);
          expect(delay).toBeLessThanOrEqual(retryDelayMs({ attempts, policy, random: 1 }));
        },
      ),
    );
  });
});

describe("a transient failure", () => {
  test("is tried again up to the last attempt, then quarantined", () => {
    const failures = failuresOf("trace_cut", [0]);
    expect(decide(failures, 11)).toMatchObject({ kind: "retry" });
    expect(decide(failures, 12)).toMatchObject({ kind: "quarantine" });
  });
});

describe("a refusal", () => {
  test("is believed when it was said three times", () => {
    expect(decide(failuresOf("trace_refused", [0, 1]))).toMatchObject({ kind: "retry" });
    expect(decide(failuresOf("trace_refused", [0, 1, 2]))).toMatchObject({ kind: "quarantine" });
  });

  test("is believed only when every node says so", () => {
    const one = failuresOf("trace_refused", [0, 1, 2], "a");
    expect(decide(one, 3, 2)).toMatchObject({ kind: "retry" });
    const both = [...one, ...failuresOf("trace_refused", [3, 4, 5], "b")];
    expect(decide(both, 6, 2)).toMatchObject({ kind: "quarantine" });
  });
});

describe("a proof mismatch", () => {
  test("is believed after three traces ten minutes apart", () => {
    const near = failuresOf(
      "proof_mismatch",
      [0, 1, 2, 3].map((minute) => minute * minutes),
    );
    expect(decide(near)).toMatchObject({ kind: "retry" });
    const apart = failuresOf("proof_mismatch", [0, 10 * minutes, 20 * minutes]);
    expect(decide(apart.slice(0, 2))).toMatchObject({ kind: "retry" });
    expect(decide(apart)).toMatchObject({ kind: "quarantine" });
  });

  test("is believed at once on two nodes", () => {
    const failures = [
      ...failuresOf("proof_mismatch", [0], "a"),
      ...failuresOf("proof_mismatch", [1], "b"),
    ];
    expect(decide(failures)).toMatchObject({ kind: "quarantine" });
  });

  test("is not believed for the faults of another kind beside it", () => {
    const failures = [
      ...failuresOf("trace_cut", [0, 10 * minutes], "b"),
      ...failuresOf("proof_mismatch", [20 * minutes]),
    ];
    expect(decide(failures)).toMatchObject({ kind: "retry" });
  });
});
