import type { RawValue } from "@temporalio/common";
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  log,
  setCurrentDetails,
  setHandler,
} from "@temporalio/workflow";
import { askBump } from "../../domain/staking/attempts.ts";
import { carriedOver } from "../../domain/staking/carried-over.ts";
import { isQueueFull, positionOf, submit, withdraw } from "../../domain/staking/intake.ts";
import { newSignerState, type SignerState } from "../../domain/staking/signer-state.ts";
import { signerStatus } from "../../domain/staking/signer-status.ts";
import { refusal } from "../fault.ts";
import { RunLimits } from "../run-limits.ts";
import { readSignalBody } from "../signal-body.ts";
import { StakeAttributes } from "./attributes.ts";
import { describeSigner } from "./details.ts";
import {
  bumpUpdate,
  pauseUpdate,
  resumeUpdate,
  setPolicyUpdate,
  signerStatusQuery,
  submitSignal,
  submitUpdate,
  withdrawSignal,
} from "./message-definitions.ts";
import type { SubmitAnswer } from "./messages.ts";
import { signerPolicyDefaults } from "./messages.ts";
import {
  isAddress,
  readBump,
  readPolicy,
  readSubmission,
  readWithdrawal,
  submissionHelp,
} from "./read-messages.ts";
import { SignerLanes } from "./signer-lanes.ts";
import { SignerMeters } from "./signer-meters.ts";
import type { SignerInput, SignerStatus } from "./signer-shapes.ts";

/**
 * The only source of one address's nonces. Its history is the log that nothing is lost from: a nonce is given, the
 * signed bytes are recorded, then sent, then watched until they are final. Cancelled, it gives no new nonces, waits until
 * all slots are final and returns its last status.
 */
export async function signerWorkflow(input: SignerInput): Promise<SignerStatus> {
  checkSignerInput(input);
  const run = new SignerRun(input);
  run.listen();
  run.show();
  // Whatever was signed is sent and watched to its end: cancellation is a wish that the state remembers.
  CancellationScope.current().cancelRequested.catch(() => run.stop());
  return CancellationScope.nonCancellable(() => run.serve());
}

/** One run of the workflow: from a start, or from the run before, to the next. */
class SignerRun {
  private readonly input: SignerInput;
  private state: SignerState;
  private readonly limits = new RunLimits();
  private readonly attributes: StakeAttributes;
  private readonly meters: SignerMeters;
  private readonly lanes: SignerLanes;
  private isEnding = false;

  constructor(input: SignerInput) {
    this.input = input;
    this.state = readState(input);
    this.attributes = new StakeAttributes("signer", input.chainId);
    this.meters = new SignerMeters(input.chainId, this.state);
    this.lanes = new SignerLanes({
      chainId: input.chainId,
      address: input.address,
      read: () => this.state,
      write: (state) => this.write(state),
      isStopped: () => this.isEnding || this.limits.isReached || this.isFinished,
    });
  }

  listen(): void {
    setHandler(signerStatusQuery, () => this.status);
    setHandler(submitSignal, (body) => this.hear("submit", body, readSubmission, submit), {
      description: `Hands a request in: ${submissionHelp}`,
    });
    setHandler(withdrawSignal, (body) => this.hear("withdraw", body, readWithdrawal, withdraw), {
      description: 'Takes a request back: {"requestId":"…","why":"cancelled"}',
    });
    setHandler(submitUpdate, (body) => this.submit(body), {
      description: `Hands a request in and says where it stands: ${submissionHelp}`,
      validator: (body) => this.checkSubmission(body),
    });
    setHandler(pauseUpdate, () => this.steer({ paused: true }), {
      description: "Gives no new nonces; what has one goes on. No body.",
    });
    setHandler(resumeUpdate, () => this.steer({ paused: false }), {
      description: "Gives nonces again. No body.",
    });
    setHandler(setPolicyUpdate, (body) => this.setPolicy(body), {
      description: 'Changes some of the policy: {"maxFeePerGasWei":"60000000000"}',
      validator: (body) => void readPolicy(body, this.state.policy),
    });
    setHandler(bumpUpdate, (body) => this.bump(body), {
      description: 'Raises the fees of one nonce or of all in flight now: {"nonce":7} or {}',
      validator: (body) => {
        if (!readBump(body)) throw refusal('write {"nonce":7}, or {} for all in flight');
      },
    });
  }

  async serve(): Promise<SignerStatus> {
    const lanes = this.lanes.start();
    await condition(() => this.limits.isReached || this.isFinished);
    // For good: a request that comes while the lanes end is the next run's, never that of half of them.
    this.isEnding = true;
    this.lanes.stopWatching();
    await Promise.all(lanes);
    await condition(allHandlersFinished);
    if (!this.isFinished) {
      return continueAsNew<typeof signerWorkflow>({
        ...this.input,
        state: carriedOver(this.state),
      });
    }
    this.attributes.write("done");
    return this.status;
  }

  /** A cancellation: no new nonces; the queue is sent away, open slots are waited for. */
  stop(): void {
    this.write({ ...this.state, stopping: true });
  }

  show(): void {
    const { status } = this;
    setCurrentDetails(describeSigner(status, this.state.stopping));
    this.meters.show(this.state, status);
    const { standsStill } = status;
    if (standsStill === "paused") this.attributes.write("paused");
    else this.attributes.write(standsStill === null ? "running" : "waiting");
  }

  private get status(): SignerStatus {
    return signerStatus(this.state, {
      chainId: this.input.chainId,
      address: this.input.address,
      faults: this.lanes.faults,
      nowMs: Date.now(),
    });
  }

  private get isFinished(): boolean {
    const { stopping, slots, queue, notices, records } = this.state;
    return stopping && slots.length + queue.length + notices.length + records.length === 0;
  }

  private write(state: SignerState): void {
    this.state = state;
    this.show();
  }

  /** A signal that cannot be read changes nothing; it is logged and shown. */
  private hear<Message>(
    name: string,
    body: RawValue | undefined,
    read: (value: unknown) => Message | null,
    act: (state: SignerState, message: Message, nowMs: number) => SignerState,
  ): void {
    this.limits.countMessage();
    const decoded = readSignalBody(body);
    const message = decoded.kind === "value" ? read(decoded.value) : null;
    if (message) {
      const next = act(this.state, message, Date.now());
      if (next !== this.state) this.write(next);
      return;
    }
    log.warn("A signal could not be read and changed nothing", { signal: name });
    this.write({ ...this.state, lastError: `a signal "${name}" could not be read` });
  }

  private checkSubmission(body: unknown): void {
    const submission = readSubmission(body);
    if (!submission) throw refusal(submissionHelp);
    if (positionOf(this.state, submission.requestId) !== null) return;
    if (this.state.stopping) throw refusal("the signer is being stopped");
    if (isQueueFull(this.state)) {
      throw refusal(
        `the queue is full (${this.state.policy.queueLimit} requests); ask again later`,
      );
    }
  }

  private submit(body: unknown): SubmitAnswer {
    const submission = readSubmission(body);
    if (!submission) throw refusal(submissionHelp);
    this.limits.countMessage();
    this.write(submit(this.state, submission, Date.now()));
    const { requestId } = submission;
    return { requestId, position: positionOf(this.state, requestId) ?? 0 };
  }

  private steer(change: { readonly paused: boolean }): { paused: boolean } {
    this.limits.countMessage();
    this.write({ ...this.state, ...change });
    return change;
  }

  private setPolicy(body: unknown): SignerState["policy"] {
    this.limits.countMessage();
    const policy = readPolicy(body, this.state.policy);
    this.write({ ...this.state, policy, wantedWei: null });
    return policy;
  }

  private bump(body: unknown): { nonces: readonly number[] } {
    this.limits.countMessage();
    const { state, nonces } = askBump(this.state, readBump(body)?.nonce ?? null);
    this.write(state);
    return { nonces };
  }
}

function readState({ state, policy }: SignerInput): SignerState {
  const start = newSignerState(policy);
  // A run of an older program has not counted all that this one counts.
  return isSignerState(state) ? { ...state, counts: { ...start.counts, ...state.counts } } : start;
}

/** The state comes from our own run before; its version says whether this worker can read it. */
function isSignerState(state: unknown): state is SignerState {
  if (state === undefined || state === null) return false;
  if (typeof state === "object" && "v" in state && state.v === 1) return true;
  throw refusal("the state is of another version of this program");
}

/** @throws RequestRefusedError (as a failure of the workflow) where the input cannot be run. */
function checkSignerInput(input: SignerInput): void {
  if (typeof input !== "object" || input === null) throw refusal("the input is not an object");
  if (input.v !== 1) throw refusal(`this worker reads inputs of version 1, not ${String(input.v)}`);
  if (!Number.isSafeInteger(input.chainId)) throw refusal("chainId is not a number");
  if (!isAddress(input.address)) throw refusal("address is not an address in lower case");
  readPolicy(input.policy, signerPolicyDefaults);
}
