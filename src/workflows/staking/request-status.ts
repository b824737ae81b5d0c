import type { CheckVerdict, StakeReason, StakeState } from "../../domain/staking/stake-call.ts";
import type { StakeOutcome, StakeProgress } from "./messages.ts";
import type { MinedTransaction, StakeRequestInput, StakeRequestStatus } from "./request-shapes.ts";

// What a request says of itself, from what it heard. Pure.

const finalStates: readonly StakeState[] = [
  "succeeded",
  "fulfilled_externally",
  "signature_burned",
  "refused",
  "reverted",
  "expired",
  "cancelled",
  "failed",
];

/** What a request says at its start. */
export function newStatus(input: StakeRequestInput, requestId: string): StakeRequestStatus {
  return {
    requestId,
    chainId: input.chainId,
    kind: input.call.kind,
    owner: input.call.owner,
    target: input.call.target,
    state: "checking",
    isFinal: false,
    reason: null,
    nonce: null,
    transactionHash: null,
    blockNumber: null,
    gasUsed: null,
    stakeId: null,
    receivedAt: input.receivedAt,
    expiresAt: input.expiresAt,
    updatedAt: input.receivedAt,
  };
}

/** The status in another state. */
export function moveTo(
  status: StakeRequestStatus,
  state: StakeState,
  facts: Partial<StakeRequestStatus> = {},
): StakeRequestStatus {
  return { ...status, reason: null, ...facts, state, isFinal: finalStates.includes(state) };
}

/** Nothing of ours is under way for it, or counts. */
const noTransaction = { nonce: null, transactionHash: null, blockNumber: null, gasUsed: null };

/** The status after a word of the signer on its way. */
export function afterProgress(
  status: StakeRequestStatus,
  progress: StakeProgress,
): StakeRequestStatus {
  return moveTo(status, progress.stage, {
    reason: progress.waitingFor,
    nonce: progress.nonce,
    transactionHash: progress.transactionHash,
    blockNumber: progress.blockNumber,
  });
}

/** How a request goes on after a check: `submit`, wait for something, or its end. */
export type Step =
  | { readonly kind: "submit" }
  | {
      readonly kind: "wait";
      readonly status: StakeRequestStatus;
      readonly notBefore: string | null;
    }
  | {
      readonly kind: "end";
      readonly status: StakeRequestStatus;
      readonly mayBeAskedAgain: boolean;
    };

/** What follows from a check, before or at the signer. */
export function afterVerdict(status: StakeRequestStatus, verdict: CheckVerdict): Step {
  switch (verdict.kind) {
    case "ready":
      return { kind: "submit" };
    case "wait":
      return waitFor(status, verdict.reason, verdict.notBefore);
    case "refused":
      return {
        kind: "end",
        status: moveTo(status, "refused", { ...noTransaction, reason: verdict.reason }),
        mayBeAskedAgain: verdict.mayBeAskedAgain,
      };
    case "fulfilled":
      return {
        kind: "end",
        // Ours is one that an earlier run of this request sent, or one that this history does not know of.
        status: moveTo(status, verdict.byUs === true ? "succeeded" : "fulfilled_externally", {
          ...noTransaction,
          transactionHash: verdict.transactionHash,
          stakeId: verdict.stakeId,
        }),
        mayBeAskedAgain: false,
      };
    default:
      return {
        kind: "end",
        status: moveTo(status, "signature_burned", {
          ...noTransaction,
          reason: burnedReason,
          transactionHash: verdict.transactionHash,
        }),
        mayBeAskedAgain: false,
      };
  }
}

/** @param notBefore - when to look again at the earliest, ISO; null: soon. */
export function waitFor(
  status: StakeRequestStatus,
  reason: StakeReason,
  notBefore: string | null,
): Extract<Step, { kind: "wait" }> {
  return {
    kind: "wait",
    status: moveTo(status, "waiting", { ...noTransaction, reason }),
    notBefore,
  };
}

const burnedReason: StakeReason = {
  code: "signature_burned",
  message: "somebody used the signature up and nothing was staked; please sign again",
};

/**
 * What follows from the signer's last word.
 * @param reverts - how many transactions of this request were mined and reverted before this one.
 */
export function afterOutcome(
  status: StakeRequestStatus,
  outcome: StakeOutcome,
  reverts: number,
): Step {
  switch (outcome.kind) {
    case "succeeded":
      return end(moveTo(status, "succeeded", { ...minedFacts(outcome), stakeId: outcome.stakeId }));
    case "returned":
      // A fresh look is never `ready` when a request comes back: then it would have its nonce.
      return outcome.verdict.kind === "ready"
        ? waitFor(status, returnedReason, null)
        : afterVerdict(status, outcome.verdict);
    case "reverted":
      return afterRevert(status, outcome, reverts);
    default:
      return {
        kind: "end",
        status: moveTo(status, outcome.kind, { ...noTransaction, nonce: outcome.nonce }),
        mayBeAskedAgain: true,
      };
  }
}

const returnedReason: StakeReason = {
  code: "returned",
  message: "the signer gave the request back; it is asked again by itself",
};

/** A mined revert is never sent again by itself, but for one time where its user can mend what was wrong. */
function afterRevert(
  status: StakeRequestStatus,
  outcome: Extract<StakeOutcome, { kind: "reverted" }>,
  reverts: number,
): Step {
  const { verdict, reason } = outcome;
  const apart = { ...status, revertedTransaction: minedFacts(outcome) };
  if (verdict.kind === "fulfilled" || verdict.kind === "burned") {
    return afterVerdict(apart, verdict);
  }
  if (verdict.kind === "wait" && reverts === 0) {
    return waitFor(apart, reason, verdict.notBefore);
  }
  const mayBeAskedAgain =
    verdict.kind === "wait" || (verdict.kind === "refused" && verdict.mayBeAskedAgain);
  return {
    kind: "end",
    status: moveTo(status, "reverted", { ...minedFacts(outcome), reason }),
    mayBeAskedAgain,
  };
}

function minedFacts(
  outcome: Extract<StakeOutcome, { kind: "succeeded" | "reverted" }>,
): MinedTransaction {
  return {
    nonce: outcome.nonce,
    transactionHash: outcome.transactionHash,
    blockNumber: outcome.blockNumber,
    gasUsed: outcome.gasUsed,
  };
}

function end(status: StakeRequestStatus): Step {
  return { kind: "end", status, mayBeAskedAgain: false };
}

const firstBackOffMs = 5000;
const longestBackOffMs = 300_000;

/**
 * When to look again, epoch milliseconds: at the date that the check named, else ever more seldom. A date that has passed
 * is none: the chain's clock stands still with its blocks.
 */
export function nextCheckMs(notBefore: string | null, checks: number, nowMs: number): number {
  const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(checks, 10));
  const namedMs = notBefore === null ? nowMs : Date.parse(notBefore);
  return namedMs > nowMs ? Math.max(namedMs, nowMs + 1000) : nowMs + backOffMs;
}
