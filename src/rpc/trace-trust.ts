import {
  afterFailure,
  afterSuccess,
  beginTrial,
  type Circuit,
  type CircuitPolicy,
  closedCircuit,
  isTrialDue,
} from "../domain/circuit.ts";

/** Traces that fail in a row say that the node cannot trace now, though it answers small calls. */
const failing: CircuitPolicy = { failures: 3, firstWaitMs: 1_000, longestWaitMs: 60_000 };
/** A node that was contradicted by proof is not asked soon again. */
const contradicted: CircuitPolicy = {
  failures: 1,
  firstWaitMs: 30_000,
  longestWaitMs: 30 * 60_000,
};
const longestTrialMs = 10 * 60_000;

/** Whether a node's traces are asked for: whether they come, and whether they are true. */
export class TraceTrust {
  #circuit: Circuit = closedCircuit;
  #trialAtMs = 0;

  /** A node that is not trusted gets one block in a while to show that it is well. */
  get isGiven(): boolean {
    return this.#circuit.state === "closed" || this.#isTrialDue;
  }

  /** To be called for the node that gets a block. */
  begin(): void {
    if (!this.#isTrialDue) return;
    this.#circuit = beginTrial(this.#circuit);
    this.#trialAtMs = Date.now();
  }

  /** A trace came whole; whether it is true is told by the proof, so a trial goes on until then. */
  came(): void {
    if (this.#circuit.state === "closed") this.#circuit = afterSuccess(this.#circuit);
  }

  failed(): void {
    this.#circuit = afterFailure(this.#circuit, Date.now(), failing);
  }

  proved(): void {
    this.#circuit = afterSuccess(this.#circuit);
  }

  /** Once for all that were under way together. */
  contradicted(): void {
    this.#circuit = afterFailure(this.#circuit, Date.now(), contradicted);
  }

  /** A trial whose block showed nothing is forgotten after a while. */
  get #isTrialDue(): boolean {
    const now = Date.now();
    const isForgotten = this.#circuit.state === "trial" && now - this.#trialAtMs >= longestTrialMs;
    return isTrialDue(this.#circuit, now) || isForgotten;
  }
}
