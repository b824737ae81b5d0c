import type { RawValue } from "@temporalio/common";
import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  log,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from "@temporalio/workflow";
import { describeFault, isFault, refusal } from "../fault.ts";
import { RunLimits } from "../run-limits.ts";
import { readSignalBody } from "../signal-body.ts";
import { StakeAttributes } from "./attributes.ts";
import { describeRequest } from "./details.ts";
import { checkRequest, ensureSigner } from "./effects.ts";
import {
  cancelSignal,
  progressedSignal,
  requestStatusQuery,
  sentSubmit,
  sentWithdraw,
  settledSignal,
} from "./message-definitions.ts";
import type { StakeOutcome } from "./messages.ts";
import { stakeWorkflowIds } from "./messages.ts";
import { isAddress, readCall, readOutcome, readProgress } from "./read-messages.ts";
import { RequestNotes } from "./request-notes.ts";
import type { StakeRequestInput, StakeRequestStatus } from "./request-shapes.ts";
import {
  afterOutcome,
  afterProgress,
  afterVerdict,
  moveTo,
  newStatus,
  nextCheckMs,
  type Step,
  waitFor,
} from "./request-status.ts";

/** How often a request that hears nothing asks its signer again; the signer knows it by its id. */
const askAgain = "10 minutes";
const longestStartPauseMs = 60_000;

/**
 * One signed request, from its check to its end on the chain. Completes with its last status; fails, with the state as
 * the failure's type, where the same request may be asked again (expired, cancelled, what its user can mend).
 */
export async function stakeRequestWorkflow(input: StakeRequestInput): Promise<StakeRequestStatus> {
  checkRequestInput(input);
  const run = new StakeRequestRun(input);
  run.listen();
  run.show();
  CancellationScope.current().cancelRequested.catch(() => run.cancel());
  return CancellationScope.nonCancellable(() => run.serve());
}

/** One run of the workflow. */
class StakeRequestRun {
  private readonly input: StakeRequestInput;
  private status: StakeRequestStatus;
  private checks: number;
  private reverts: number;
  private isCancelAsked: boolean;
  private outcome: StakeOutcome | null;
  private readonly limits = new RunLimits();
  private readonly attributes: StakeAttributes;
  private readonly notes: RequestNotes;

  constructor(input: StakeRequestInput) {
    this.input = input;
    this.status = input.state?.status ?? newStatus(input, workflowInfo().workflowId);
    this.checks = input.state?.checks ?? 0;
    this.reverts = input.state?.reverts ?? 0;
    this.isCancelAsked = input.state?.isCancelAsked ?? false;
    this.outcome = input.state?.outcome ?? null;
    this.attributes = new StakeAttributes("stake", input.chainId);
    this.notes = new RequestNotes(input, () => this.status);
  }

  listen(): void {
    setHandler(requestStatusQuery, () => this.status);
    setHandler(cancelSignal, () => this.cancel(), {
      description:
        "Takes the request back: at once while it has no nonce, else by a NOOP that races it. No body.",
    });
    setHandler(progressedSignal, (body) => this.hearProgress(body));
    setHandler(settledSignal, (body) => this.hearOutcome(body));
  }

  async serve(): Promise<StakeRequestStatus> {
    const notes = this.notes.start();
    let step = this.isAtSigner ? submitStep : await this.check();
    while (step.kind !== "end") {
      step = step.kind === "submit" ? await this.askSigner() : await this.wait(step);
    }
    this.move(step.status);
    await this.notes.finish();
    await notes;
    this.attributes.write("done");
    if (step.mayBeAskedAgain) throw mayBeAskedAgain(this.status);
    return this.status;
  }

  cancel(): void {
    this.limits.countMessage();
    this.isCancelAsked = true;
  }

  show(): void {
    setCurrentDetails(describeRequest(this.status));
    this.attributes.write(this.status.state === "waiting" ? "waiting" : "running");
  }

  private get isAtSigner(): boolean {
    return ["queued", "broadcast", "mined"].includes(this.status.state);
  }

  private get isExpired(): boolean {
    return Date.now() >= Date.parse(this.input.expiresAt);
  }

  private move(status: StakeRequestStatus): void {
    this.status = { ...status, updatedAt: new Date().toISOString() };
    this.show();
    this.notes.changed();
  }

  private hearProgress(body: RawValue | undefined): void {
    this.limits.countMessage();
    const progress = this.readBody("progressed", body, readProgress);
    if (progress && this.isAtSigner && !this.outcome) {
      this.move(afterProgress(this.status, progress));
    }
  }

  private hearOutcome(body: RawValue | undefined): void {
    this.limits.countMessage();
    const outcome = this.readBody("settled", body, readOutcome);
    if (outcome && this.isAtSigner) this.outcome ??= outcome;
  }

  private readBody<Message>(
    name: string,
    body: RawValue | undefined,
    read: (value: unknown) => Message | null,
  ): Message | null {
    const decoded = readSignalBody(body);
    const message = decoded.kind === "value" ? read(decoded.value) : null;
    if (!message) log.warn("A signal could not be read and changed nothing", { signal: name });
    return message;
  }

  private async check(): Promise<Step> {
    const ended = this.endBeforeNonce();
    if (ended) return ended;
    this.checks += 1;
    const { chainId, call, signer } = this.input;
    try {
      return afterVerdict(this.status, await checkRequest({ chainId, call, signer }));
    } catch (error) {
      if (!isFault(error)) throw error;
      const reason = { code: "node_away", message: describeFault(error) };
      return waitFor(this.status, reason, null);
    }
  }

  private async wait(step: Extract<Step, { kind: "wait" }>): Promise<Step> {
    this.move(step.status);
    const dueAtMs = Math.min(
      nextCheckMs(step.notBefore, this.checks - 1, Date.now()),
      Date.parse(this.input.expiresAt),
    );
    await condition(
      () => this.isCancelAsked || this.limits.isReached,
      Math.max(1, dueAtMs - Date.now()),
      { summary: `waits: ${step.status.reason?.code ?? ""}` },
    );
    if (this.limits.isReached) await this.continueAsNew();
    return this.check();
  }

  /** Hands the request to the signer and hears how it ended there. */
  private async askSigner(): Promise<Step> {
    const ended = this.isAtSigner ? null : this.endBeforeNonce();
    if (ended) return ended;
    if (!this.isAtSigner) this.move(moveTo(this.status, "queued"));
    if (!this.outcome) await this.tellSigner("submit");
    let isWithdrawn = false;
    while (!this.outcome) {
      const isNews = await condition(
        () =>
          this.outcome !== null || (this.isCancelAsked && !isWithdrawn) || this.limits.isReached,
        askAgain,
      );
      if (this.outcome) break;
      if (this.limits.isReached) await this.continueAsNew();
      // A cancellation that comes while the signer is told something else is news of the next turn.
      const { isCancelAsked } = this;
      if (isCancelAsked && !isWithdrawn) await this.tellSigner("withdraw");
      else if (!isNews)
        await this.tellSigner(isCancelAsked || this.isExpired ? "withdraw" : "submit");
      isWithdrawn = isCancelAsked;
    }
    return this.settle(this.outcome);
  }

  private settle(outcome: StakeOutcome): Step {
    this.outcome = null;
    const step = afterOutcome(this.status, outcome, this.reverts);
    if (outcome.kind === "reverted") this.reverts += 1;
    return step;
  }

  /** A signal; where no signer runs, one is started first. */
  private async tellSigner(what: "submit" | "withdraw"): Promise<void> {
    const { chainId, signer } = this.input;
    const handle = getExternalWorkflowHandle(stakeWorkflowIds.signer(chainId, signer));
    const { requestId } = this.status;
    const { call, expiresAt } = this.input;
    const why = this.isCancelAsked ? "cancelled" : "expired";
    const send = () =>
      what === "submit"
        ? handle.signal(sentSubmit, { requestId, call, expiresAt })
        : handle.signal(sentWithdraw, { requestId, why });
    for (let starts = 0; ; starts += 1) {
      try {
        return await send();
      } catch (error) {
        log.info("No signer runs; it is started", { signer, reason: String(error) });
      }
      if (starts > 0) await this.pauseBeforeStart(starts);
      try {
        await ensureSigner({ chainId, address: signer });
      } catch (error) {
        if (!isFault(error)) throw error;
        log.warn("The signer cannot be started", { signer, reason: describeFault(error) });
      }
    }
  }

  /** A signer that is gone again at once (an input that it refuses) is a person's to mend, however long that takes. */
  private async pauseBeforeStart(starts: number): Promise<void> {
    await sleep(Math.min(longestStartPauseMs, 1000 * 2 ** Math.min(starts, 10)));
    if (this.limits.isReached) await this.continueAsNew();
  }

  private endBeforeNonce(): Step | null {
    if (!this.isCancelAsked && !this.isExpired) return null;
    const state = this.isCancelAsked ? "cancelled" : "expired";
    const { reason } = this.status;
    return { kind: "end", status: moveTo(this.status, state, { reason }), mayBeAskedAgain: true };
  }

  private async continueAsNew(): Promise<never> {
    await this.notes.finish();
    await condition(allHandlersFinished);
    return continueAsNew<typeof stakeRequestWorkflow>({
      ...this.input,
      state: {
        status: this.status,
        checks: this.checks,
        reverts: this.reverts,
        isCancelAsked: this.isCancelAsked,
        // It may have come while the last notes were made; nobody says it twice.
        outcome: this.outcome,
      },
    });
  }
}

const submitStep: Step = { kind: "submit" };

/** The end of a request that may be asked again: a failure, so that its id may be started anew. */
function mayBeAskedAgain(status: StakeRequestStatus): ApplicationFailure {
  return ApplicationFailure.create({
    type: status.state,
    nonRetryable: true,
    message: status.reason ? `${status.reason.code}: ${status.reason.message}` : status.state,
    details: [status],
  });
}

/** @throws RequestRefusedError (as a failure of the workflow) where the input cannot be run. */
function checkRequestInput(input: StakeRequestInput): void {
  if (typeof input !== "object" || input === null) throw refusal("the input is not an object");
  if (input.v !== 1) throw refusal(`this worker reads inputs of version 1, not ${String(input.v)}`);
  if (!Number.isSafeInteger(input.chainId)) throw refusal("chainId is not a number");
  if (!isAddress(input.signer)) throw refusal("signer is not an address in lower case");
  if (!readCall(input.call)) throw refusal("call is not a stake or restake in its canonical form");
  if (Number.isNaN(Date.parse(input.expiresAt))) throw refusal("expiresAt is not an ISO time");
}
