import type { StakeOutcome } from "../../workflows/staking/messages.ts";
import type { AccountView, ReceiptView } from "../../workflows/staking/stake-activities.ts";
import { hasGap } from "./gaps.ts";
import { notifyOfSlot } from "./intake.ts";
import { record, recordOf } from "./records.ts";
import { unexplainedRevert } from "./revert-class.ts";
import {
  type Attempt,
  count,
  notify,
  type SignerState,
  type Slot,
  withSlot,
} from "./signer-state.ts";
import type { StakeReason } from "./stake-call.ts";
import { spendableWei } from "./standing.ts";

// What the chain did with our nonces, from the first block to finality.

/** How long a final nonce may go without a receipt before it counts as somebody else's: nodes index receipts late. */
export const foreignPatienceMs = 5000;
/** Succeeded requests that are remembered for those who ask again. */
const maximumRecent = 100;

/**
 * Books a look at the account. The first one says where nonces start; later ones never move them, except that nonces
 * of somebody else that are final are passed over.
 */
export function seeAccount(
  state: SignerState,
  account: AccountView,
  reorgedBlocks: readonly number[],
  nowMs: number,
): SignerState {
  const nextNonce = state.nextNonce ?? account.latestNonce;
  const foreign = Math.max(0, account.finalNonce - nextNonce);
  let next: SignerState = {
    ...state,
    account,
    nextNonce: nextNonce + foreign,
    slots: state.slots.map((slot) =>
      slot.missingSinceMs !== null && slot.nonce >= account.latestNonce
        ? { ...slot, missingSinceMs: null }
        : slot,
    ),
  };
  next = { ...next, gapSinceMs: hasGap(next) ? (next.gapSinceMs ?? nowMs) : null };
  if (next.wantedWei !== null && spendableWei(next) >= BigInt(next.wantedWei)) {
    next = { ...next, wantedWei: null };
  }
  return leaveBlocks(count(next, { foreignNonces: foreign }), reorgedBlocks);
}

/** What was mined in a block that left the chain is unmined again, and sent again: the same bytes. */
function leaveBlocks(state: SignerState, reorgedBlocks: readonly number[]): SignerState {
  const gone = state.slots.filter(
    ({ receipt }) => receipt !== null && reorgedBlocks.includes(receipt.blockNumber),
  );
  return gone.reduce(unmine, state);
}

function unmine(state: SignerState, slot: Slot): SignerState {
  const unmined = { ...slot, receipt: null, resend: true };
  return notifyOfSlot(count(withSlot(state, unmined), { reorgs: 1 }), unmined);
}

/** Slots to ask receipts of: their nonce is used, or what they have became final. */
export function toRead(state: SignerState): readonly Slot[] {
  const { account } = state;
  if (!account) return [];
  return state.slots.filter(({ nonce, receipt }) =>
    receipt
      ? nonce < account.finalNonce && receipt.blockNumber <= account.finalNumber
      : nonce < account.latestNonce,
  );
}

/** Books receipts that were read after the look `asOf`; closes the slots that it shows final. */
export function receiptsRead(
  state: SignerState,
  read: {
    readonly asOf: AccountView;
    readonly items: readonly { readonly nonce: number; readonly receipt: ReceiptView | null }[];
  },
  nowMs: number,
): SignerState {
  let next = state;
  // From the highest nonce down, so that several that go back to the queue keep their order at its front.
  for (const { nonce, receipt } of read.items.toSorted((a, b) => b.nonce - a.nonce)) {
    const slot = next.slots.find((open) => open.nonce === nonce);
    if (!slot) continue;
    const attempt = slot.attempts.find(({ hash }) => hash === receipt?.hash);
    next =
      receipt && attempt
        ? bookReceipt(next, slot, attempt, receipt, read.asOf)
        : bookNoReceipt(next, slot, read.asOf, nowMs);
  }
  return next;
}

function bookReceipt(
  state: SignerState,
  slot: Slot,
  attempt: Attempt,
  receipt: ReceiptView,
  asOf: AccountView,
): SignerState {
  const isNews =
    slot.receipt?.hash !== receipt.hash || slot.receipt.blockHash !== receipt.blockHash;
  const mined = { ...slot, receipt, resend: false, missingSinceMs: null };
  if (slot.nonce < asOf.finalNonce && receipt.blockNumber <= asOf.finalNumber) {
    return close(state, mined, attempt, isNews ? receipt : withReason(receipt, slot.receipt));
  }
  if (!isNews) return state;
  const booked = record(withSlot(state, mined), [recordOf(mined, attempt, "mined", receipt)]);
  return attempt.kind === "call" ? notifyOfSlot(booked, mined) : booked;
}

/** Why it reverted, as it was told when it was mined: many nodes have forgotten that state by the time it is final. */
function withReason(receipt: ReceiptView, before: ReceiptView | null): ReceiptView {
  const { verdict } = receipt;
  const isForgotten = verdict !== null && "reason" in verdict && isUnexplained(verdict.reason);
  return isForgotten && before?.verdict ? { ...receipt, verdict: before.verdict } : receipt;
}

function isUnexplained({ code }: StakeReason): boolean {
  return code === unexplainedRevert.code;
}

function bookNoReceipt(
  state: SignerState,
  slot: Slot,
  asOf: AccountView,
  nowMs: number,
): SignerState {
  if (slot.receipt) return unmine(state, slot);
  if (slot.nonce >= asOf.latestNonce) return state;
  const missingSinceMs = slot.missingSinceMs ?? nowMs;
  if (slot.nonce >= asOf.finalNonce || nowMs - missingSinceMs < foreignPatienceMs) {
    return withSlot(state, { ...slot, missingSinceMs });
  }
  return loseNonce(state, slot);
}

/** The nonce is somebody else's for good: only now may the request have a second one. */
function loseNonce(state: SignerState, slot: Slot): SignerState {
  const lost = count(closeSlot(state, slot), { foreignNonces: 1 });
  if (slot.withdrawn) return settle(lost, slot, { kind: slot.withdrawn, nonce: null });
  return slot.request ? { ...lost, queue: [slot.request, ...lost.queue] } : lost;
}

function close(
  state: SignerState,
  slot: Slot,
  attempt: Attempt,
  receipt: ReceiptView,
): SignerState {
  const cost = BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPriceWei);
  const closed = { ...closeSlot(state, slot), gasUsedWei: String(BigInt(state.gasUsedWei) + cost) };
  const rows = slot.attempts.map((other) =>
    other.hash === receipt.hash
      ? recordOf(slot, other, "final", receipt)
      : recordOf(slot, other, "replaced"),
  );
  return settle(record(closed, rows), slot, outcomeOf(slot, attempt, receipt));
}

function closeSlot(state: SignerState, slot: Slot): SignerState {
  return { ...state, slots: state.slots.filter(({ nonce }) => nonce !== slot.nonce) };
}

function outcomeOf(slot: Slot, attempt: Attempt, receipt: ReceiptView): StakeOutcome {
  if (attempt.kind === "noop") return { kind: slot.withdrawn ?? "cancelled", nonce: slot.nonce };
  const facts = {
    nonce: slot.nonce,
    transactionHash: receipt.hash,
    blockNumber: receipt.blockNumber,
    gasUsed: receipt.gasUsed,
  };
  if (receipt.status === "success") {
    return { kind: "succeeded", ...facts, stakeId: receipt.stakeId };
  }
  const verdict = receipt.verdict ?? {
    kind: "refused",
    reason: revertedReason,
    mayBeAskedAgain: true,
  };
  return {
    kind: "reverted",
    ...facts,
    reason: "reason" in verdict ? verdict.reason : revertedReason,
    verdict,
  };
}

const revertedReason: StakeReason = {
  code: "reverted",
  message: "the transaction was mined and reverted; it is not sent again by itself",
};

function settle(state: SignerState, slot: Slot, outcome: StakeOutcome): SignerState {
  if (!slot.request) return state;
  const { requestId } = slot.request;
  const counted = count(state, {
    succeeded: outcome.kind === "succeeded" ? 1 : 0,
    reverted: outcome.kind === "reverted" ? 1 : 0,
    cancelled: outcome.kind === "cancelled" ? 1 : 0,
  });
  const told = notify(counted, { requestId, kind: "settled", body: outcome });
  if (outcome.kind !== "succeeded") return told;
  return { ...told, recent: [...told.recent, { requestId, outcome }].slice(-maximumRecent) };
}
