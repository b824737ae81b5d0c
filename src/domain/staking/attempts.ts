import type {
  Sending,
  Sent,
  SignedTransaction,
  UnsignedTransaction,
} from "../../workflows/staking/stake-activities.ts";
import { bumpedFees, cappedFees, isAtMarket, isMinable, isReplacement } from "./fees.ts";
import { noopGasLimit } from "./gaps.ts";
import { isExpired, notifyOfSlot } from "./intake.ts";
import { record, recordOf } from "./records.ts";
import {
  type Attempt,
  count,
  newestAttempt,
  type SignerState,
  type Slot,
  unminedSlots,
  withSlot,
} from "./signer-state.ts";

// What to sign and what to send. A slot's newest attempt is the one that is sent; replaced ones stay watched.

/** What to sign now: first attempts, NOOPs for nonces that nobody wants any more, and replacements that are due. */
export function toSign(state: SignerState, nowMs: number): UnsignedTransaction[] {
  return openSlots(state).flatMap((slot) => {
    const wanted = wantedAttempt(state, slot, nowMs);
    return wanted ? [wanted] : [];
  });
}

function wantedAttempt(state: SignerState, slot: Slot, nowMs: number): UnsignedTransaction | null {
  const newest = newestAttempt(slot);
  if (!newest) {
    const kind = slot.withdrawn || !slot.request ? "noop" : "call";
    return unsigned(slot, kind, cappedFees(slot.startFees, state.policy));
  }
  const isNoopDue = slot.withdrawn !== null && newest.kind === "call";
  if (!state.account || !(isNoopDue || isBumpDue(state, slot, newest, nowMs))) return null;
  const fees = bumpedFees(newest, state.account, state.policy);
  return fees && unsigned(slot, isNoopDue ? "noop" : newest.kind, fees);
}

function unsigned(
  slot: Slot,
  kind: Attempt["kind"],
  fees: { maxFeePerGasWei: string; maxPriorityFeePerGasWei: string },
): UnsignedTransaction {
  return {
    nonce: slot.nonce,
    gasLimit: kind === "call" ? slot.gasLimit : noopGasLimit,
    call: kind === "call" && slot.request ? slot.request.call : null,
    maxFeePerGasWei: fees.maxFeePerGasWei,
    maxPriorityFeePerGasWei: fees.maxPriorityFeePerGasWei,
  };
}

/**
 * By age alone only the lowest nonce is bumped, and only if blocks came meanwhile: those above it wait for it, and a
 * chain that stands still mines nothing at any price.
 */
function isBumpDue(state: SignerState, slot: Slot, newest: Attempt, nowMs: number): boolean {
  const { account, policy } = state;
  if (!account || newest.sentAtMs === null) return false;
  if (slot.bumpAsked) return true;
  if (newest.result === "underpriced" && !isMinable(newest, account)) return true;
  if (nowMs - newest.sentAtMs < policy.bumpAfterMs) return false;
  if (account.headNumber <= newest.headNumber) return false;
  return openSlots(state)[0]?.nonce === slot.nonce || !isAtMarket(newest, account);
}

/** When a bump may become due by age alone, epoch milliseconds; null where none will. */
export function nextBumpMs(state: SignerState, nowMs: number): number | null {
  const due = openSlots(state)
    .map((slot) => newestAttempt(slot)?.sentAtMs ?? null)
    .filter((sentAtMs) => sentAtMs !== null)
    .map((sentAtMs) => sentAtMs + state.policy.bumpAfterMs)
    .filter((at) => at > nowMs);
  return due.length > 0 ? Math.min(...due) : null;
}

/** Books signed transactions. One that does not fit its slot (a late or repeated answer) was never sent and is left out. */
export function signed(
  state: SignerState,
  items: readonly { readonly unsigned: UnsignedTransaction; readonly signed: SignedTransaction }[],
  nowMs: number,
): SignerState {
  let next = state;
  for (const item of items) next = signedOne(next, item, nowMs);
  return next;
}

function signedOne(
  state: SignerState,
  item: { readonly unsigned: UnsignedTransaction; readonly signed: SignedTransaction },
  nowMs: number,
): SignerState {
  const slot = state.slots.find(({ nonce }) => nonce === item.signed.nonce);
  if (!slot || slot.receipt || !isOfSlot(slot, item.unsigned)) return state;
  const newest = newestAttempt(slot);
  if (newest && !isReplacement(newest, item.unsigned)) return state;
  const attempt: Attempt = {
    kind: item.unsigned.call ? "call" : "noop",
    hash: item.signed.hash,
    raw: item.signed.raw,
    gasLimit: item.unsigned.gasLimit,
    maxFeePerGasWei: item.unsigned.maxFeePerGasWei,
    maxPriorityFeePerGasWei: item.unsigned.maxPriorityFeePerGasWei,
    signedAtMs: nowMs,
    sentAtMs: null,
    headNumber: state.account?.headNumber ?? 0,
    result: null,
  };
  const older = slot.attempts.map((other) => ({ ...other, raw: null }));
  const grown = { ...slot, attempts: [...older, attempt], bumpAsked: false };
  const isNoop = attempt.kind === "noop" && newest?.kind !== "noop";
  return count(withSlot(state, grown), {
    noops: isNoop ? 1 : 0,
    bumps: newest && !isNoop ? 1 : 0,
  });
}

/** A nonce that was given back may be another request's by now. */
function isOfSlot({ request }: Slot, { call }: UnsignedTransaction): boolean {
  return call === null || call.signature === request?.call.signature;
}

/** What to send now, by nonce: what was never sent, what left the chain with its block, and what is unmined for long. */
export function toSend(state: SignerState, nowMs: number): Sending[] {
  return unminedSlots(state).flatMap((slot) => {
    const newest = newestAttempt(slot);
    if (!newest?.raw || !isSendDue(state, slot, newest, nowMs)) return [];
    const { hash, raw, result } = newest;
    // What left the chain with its block need not be in a pool.
    const wasKnown = result === "known" && !slot.resend;
    return [{ nonce: slot.nonce, hash, raw, ...(wasKnown && { wasKnown }) }];
  });
}

function isSendDue(state: SignerState, slot: Slot, newest: Attempt, nowMs: number): boolean {
  if (slot.resend) return true;
  if (slot.nonce < (state.account?.latestNonce ?? 0)) return false;
  if (newest.sentAtMs === null) return !isNoopOnItsWay(state, slot, newest, nowMs);
  return nowMs - (slot.lastSentAtMs ?? 0) >= state.policy.rebroadcastAfterMs;
}

/**
 * A call that was taken back or has expired before it was ever sent is not sent, unless the cap lets no NOOP take its
 * place.
 */
function isNoopOnItsWay(state: SignerState, slot: Slot, newest: Attempt, nowMs: number): boolean {
  if (newest.kind === "noop" || slot.attempts.length > 1) return false;
  const hasExpired = slot.request !== null && isExpired(slot.request, nowMs);
  if (slot.withdrawn === null && !hasExpired) return false;
  return state.account !== null && bumpedFees(newest, state.account, state.policy) !== null;
}

/** When something is to be sent again by age, epoch milliseconds; null where nothing is. */
export function nextRebroadcastMs(state: SignerState, nowMs: number): number | null {
  const due = openSlots(state)
    .filter((slot) => newestAttempt(slot)?.sentAtMs)
    .map((slot) => (slot.lastSentAtMs ?? nowMs) + state.policy.rebroadcastAfterMs);
  return due.length > 0 ? Math.min(...due) : null;
}

/** Books what became of broadcasts. */
export function broadcasted(
  state: SignerState,
  items: readonly Sent[],
  nowMs: number,
): SignerState {
  let next = state;
  for (const item of items) {
    const slot = next.slots.find(({ nonce }) => nonce === item.nonce);
    const attempt = slot?.attempts.find(({ hash }) => hash === item.hash);
    if (slot && attempt) next = broadcastedOne(next, slot, attempt, item, nowMs);
  }
  return next;
}

function broadcastedOne(
  state: SignerState,
  slot: Slot,
  attempt: Attempt,
  { result, wasGone }: Sent,
  nowMs: number,
): SignerState {
  const isFirst = attempt.sentAtMs === null;
  const sent = { ...attempt, sentAtMs: attempt.sentAtMs ?? nowMs, result };
  const booked = {
    ...slot,
    attempts: slot.attempts.map((other) => (other.hash === attempt.hash ? sent : other)),
    lastSentAtMs: nowMs,
    resend: false,
  };
  const counted = count(withSlot(state, booked), {
    rebroadcasts: isFirst ? 0 : 1,
    drops: wasGone ? 1 : 0,
  });
  // Not before: until it is broadcast, the user's signature in it is a secret.
  const next = isFirst ? record(counted, [recordOf(booked, sent, "broadcast")]) : counted;
  const isNews = result === "known" && attempt.result !== "known" && attempt.kind === "call";
  return isNews && !slot.receipt ? notifyOfSlot(next, booked) : next;
}

/** Asks for a bump of one nonce, or of all that are in flight, whatever their age. Tells which will have one. */
export function askBump(
  state: SignerState,
  nonce: number | null,
): { readonly state: SignerState; readonly nonces: readonly number[] } {
  const asked = openSlots(state).filter((slot) => {
    const newest = newestAttempt(slot);
    if (!state.account || !newest?.sentAtMs) return false;
    if (nonce !== null && slot.nonce !== nonce) return false;
    return bumpedFees(newest, state.account, state.policy) !== null;
  });
  const next = asked.reduce((sum, slot) => withSlot(sum, { ...slot, bumpAsked: true }), state);
  return { state: next, nonces: asked.map((slot) => slot.nonce) };
}

/** Slots whose nonce the chain has not used, by nonce. */
function openSlots(state: SignerState): readonly Slot[] {
  const latest = state.account?.latestNonce ?? 0;
  return unminedSlots(state).filter(({ nonce }) => nonce >= latest);
}
