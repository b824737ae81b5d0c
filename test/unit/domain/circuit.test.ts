import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterFailure,
  afterSuccess,
  beginTrial,
  type Circuit,
  closedCircuit,
  isTrialDue,
  trip,
} from "../../../src/domain/circuit.ts";

const policy = { failures: 3, firstWaitMs: 1000, longestWaitMs: 60_000 };

describe("a circuit", () => {
  test("opens at the third failure in a row, not before, and a good answer starts the count anew", () => {
    let circuit: Circuit = closedCircuit;
    for (const _ of [1, 2]) circuit = afterFailure(circuit, 0, policy);
    circuit = afterFailure(afterFailure(afterSuccess(circuit), 0, policy), 0, policy);
    expect(circuit.state).toBe("closed");
    expect(afterFailure(circuit, 5, policy)).toEqual({ state: "open", trips: 1, untilMs: 1005 });
  });

  test("lets one trial through when its wait is over, and waits twice as long after one that failed", () => {
    const open = trip(closedCircuit, 0, policy);
    expect(isTrialDue(open, 999)).toBe(false);
    expect(isTrialDue(open, 1000)).toBe(true);
    const trial = beginTrial(open);
    expect(isTrialDue(trial, 1_000_000)).toBe(false);
    expect(afterFailure(trial, 1000, policy)).toEqual({ state: "open", trips: 2, untilMs: 3000 });
    expect(afterSuccess(trial)).toEqual(closedCircuit);
  });

  test("whatever happens, a success closes it and no wait is longer than the longest", () => {
    const event = fc.constantFrom("success", "failure", "trial", "trip");
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        let circuit: Circuit = closedCircuit;
        let nowMs = 0;
        let failures = 0;
        for (const one of events) {
          nowMs += 10;
          failures = one === "failure" ? failures + 1 : 0;
          const before = circuit;
          if (one === "success") circuit = afterSuccess(circuit);
          if (one === "failure") circuit = afterFailure(circuit, nowMs, policy);
          if (one === "trial") circuit = beginTrial(circuit);
          if (one === "trip") circuit = trip(circuit, nowMs, policy);
          if (one === "success") expect(circuit).toEqual(closedCircuit);
          if (failures >= 3) expect(circuit.state).toBe("open");
          if (circuit.state === "open" && circuit !== before) {
            expect(circuit.untilMs - nowMs).toBeGreaterThanOrEqual(policy.firstWaitMs);
            expect(circuit.untilMs - nowMs).toBeLessThanOrEqual(policy.longestWaitMs);
          }
        }
      }),
    );
  });
});
