/**
 * Whether something that failed is asked again: `closed` it is asked; `open` it is left alone until a time; `trial` one
 * call decides. Times in milliseconds of any clock that does not go back.
 */
export type Circuit =
  | { readonly state: "closed"; readonly failures: number }
  | { readonly state: "open"; readonly trips: number; readonly untilMs: number }
  | { readonly state: "trial"; readonly trips: number };

export type CircuitPolicy = {
  /** Failures in a row that open it. */
  readonly failures: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
};

export const closedCircuit: Circuit = { state: "closed", failures: 0 };

/** One good answer closes it, whatever was before. */
export function afterSuccess(circuit: Circuit): Circuit {
  return circuit.state === "closed" && circuit.failures === 0 ? circuit : closedCircuit;
}

/** Opens at the last failure allowed, and with a longer wait where a trial failed. */
export function afterFailure(circuit: Circuit, nowMs: number, policy: CircuitPolicy): Circuit {
  switch (circuit.state) {
    case "closed": {
      const failures = circuit.failures + 1;
      return failures >= policy.failures
        ? trip(circuit, nowMs, policy)
        : { state: "closed", failures };
    }
    case "trial":
      return trip(circuit, nowMs, policy);
    case "open":
      return circuit;
    default:
      return circuit satisfies never;
  }
}

/** Opens it at once; each time in a row the wait doubles, up to the longest. */
export function trip(circuit: Circuit, nowMs: number, policy: CircuitPolicy): Circuit {
  const trips = (circuit.state === "closed" ? 0 : circuit.trips) + 1;
  const waitMs = Math.min(policy.firstWaitMs * 2 ** Math.min(trips - 1, 40), policy.longestWaitMs);
  return { state: "open", trips, untilMs: nowMs + waitMs };
}

/** Whether a trial may begin now; only one at a time. */
export function isTrialDue(circuit: Circuit, nowMs: number): boolean {
  return circuit.state === "open" && nowMs >= circuit.untilMs;
}

/** Takes the trial: until its outcome is told nobody else gets one. */
export function beginTrial(circuit: Circuit): Circuit {
  return circuit.state === "open" ? { state: "trial", trips: circuit.trips } : circuit;
}
