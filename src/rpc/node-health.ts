import {
  afterFailure,
  afterSuccess,
  beginTrial,
  type Circuit,
  type CircuitPolicy,
  closedCircuit,
  isTrialDue,
  trip,
} from "../domain/circuit.ts";
import { AppError, NodeUnavailableError } from "../errors.ts";
import type { NodeFault } from "./node-observer.ts";
import type { NodeVoice } from "./node-voice.ts";
import { describeFault, faultWords } from "./node-words.ts";

const policy: CircuitPolicy = { failures: 3, firstWaitMs: 1_000, longestWaitMs: 60_000 };

/** Whether a node answers at all, and may be used. */
export class NodeHealth {
  readonly #voice: NodeVoice;
  #calls: Circuit = closedCircuit;
  #refusal: AppError | null = null;
  #outage: NodeUnavailableError | null = null;
  #lastFault = "it was not asked yet";

  constructor(voice: NodeVoice) {
    this.#voice = voice;
  }

  get isWell(): boolean {
    return this.#refusal === null && this.#calls.state === "closed";
  }

  /** Whether the time that it is left alone is over. */
  get isTrialDue(): boolean {
    return this.#calls.state === "closed" || isTrialDue(this.#calls, Date.now());
  }

  /** Why it must not be used; null = it may, as far as is known. */
  get refusal(): AppError | null {
    return this.#refusal;
  }

  /** Why it does not answer; null = it does. */
  get outage(): NodeUnavailableError | null {
    return this.#outage;
  }

  /** Why it is not used, in words. */
  get why(): string {
    const fault = this.#refusal ?? this.#outage;
    return fault ? describeFault(fault) : this.#lastFault;
  }

  /** Only a probe ends the time that it is left alone: it may be another chain's by then. */
  answered(): void {
    if (this.#calls.state === "closed") this.#calls = afterSuccess(this.#calls);
  }

  failed({ kind }: NodeFault): void {
    this.#calls = afterFailure(this.#calls, Date.now(), policy);
    this.#lastFault = faultWords[kind];
    if (this.#calls.state === "open") this.#voice.tell("away", this.#lastFault);
  }

  /** It could not be asked. */
  notAsked(why: string): void {
    this.#lastFault = why;
  }

  beginTrial(): void {
    this.#calls = beginTrial(this.#calls);
  }

  /** A probe was good. */
  admitted(wasServing: boolean): void {
    this.#refusal = null;
    this.#outage = null;
    this.#calls = afterSuccess(this.#calls);
    this.#voice.tell("serving", wasServing ? "" : "it answers");
  }

  /** A probe failed. @param isBusy - It serves, and was asked too often. */
  notAdmitted(error: unknown, isBusy: boolean): void {
    if (error instanceof AppError && !(error instanceof NodeUnavailableError)) {
      this.refuse(error);
      return;
    }
    this.#outage = error instanceof NodeUnavailableError ? error : null;
    if (isBusy) return;
    // What counts as a failure was counted where the call failed, but for the trial's.
    if (this.#calls.state !== "open") this.#calls = trip(this.#calls, Date.now(), policy);
    this.#voice.tell("away", describeFault(error));
  }

  /** It must not be used until a probe says otherwise. */
  refuse(error: AppError): void {
    this.#refusal = error;
    this.#calls = trip(this.#calls, Date.now(), policy);
    this.#voice.tell("refused", describeFault(error));
  }
}
