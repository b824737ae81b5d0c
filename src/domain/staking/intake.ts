import type {
  SignerSubmission,
  StakeOutcome,
  WithdrawRequest,
} from "../../workflows/staking/messages.ts";
import { gapDueMs, healGap } from "./gaps.ts";
import {
  count,
  newestAttempt,
  notify,
  type QueuedRequest,
  type SignerState,
  type Slot,
  withSlot,
} from "./signer-state.ts";
import { standingReason } from "./standing.ts";

// How requests come in, leave before they have a nonce, and what they hear of it.

/** About 500 bytes each; the whole state has to fit in a payload of 2 MiB. */
const longestQueue = 1000;
/** Owners whose day is remembered, those served last; the others begin anew. */
const maximumOwners = 2000;
/** Words that may wait to be heard before requests that find no place hear none. */
const maximumUnheard = 500;
export const queueFullCode = "queue_full";
/** When a request that found no place asks again. */
const askAgainMs = 30_000;

/** Where a request stands: 1 is next in the queue, 0 has its nonce, null is not known. */
export function positionOf(state: SignerState, requestId: string): number | null {
  if (slotOf(state, requestId)) return 0;
  const index = state.queue.findIndex((request) => request.requestId === requestId);
  return index === -1 ? null : index + 1;
}

/** Whether a request that is not known yet finds a place. */
export function isQueueFull(state: SignerState): boolean {
  return state.queue.length >= Math.min(state.policy.queueLimit, longestQueue);
}

/** Takes a request in, once: whoever asks again hears where it stands. */
export function submit(
  state: SignerState,
  submission: SignerSubmission,
  nowMs: number,
): SignerState {
  const { requestId } = submission;
  if (state.notices.some((notice) => notice.requestId === requestId && notice.kind === "settled")) {
    return state;
  }
  const slot = slotOf(state, requestId);
  if (slot) return notifyOfSlot(state, slot);
  const known = state.recent.find((result) => result.requestId === requestId);
  if (known) return notify(state, { requestId, kind: "settled", body: known.outcome });
  if (positionOf(state, requestId) !== null) return notifyQueued(state, requestId);
  const refused = refuseIntake(state, submission, nowMs);
  // A flood is not answered one by one: the words would outgrow the state. Who hears nothing asks again by itself.
  if (refused && state.notices.length >= maximumUnheard) return state;
  if (refused) return notify(state, { requestId, kind: "settled", body: refused });
  const request = { ...submission, queuedAtMs: nowMs };
  const queued = { ...state, queue: [...state.queue, request] };
  return standingReason(queued) ? notifyQueued(queued, requestId) : queued;
}

function refuseIntake(
  state: SignerState,
  { expiresAt }: SignerSubmission,
  nowMs: number,
): StakeOutcome | null {
  if (Date.parse(expiresAt) <= nowMs) return { kind: "expired", nonce: null };
  if (state.stopping) return waitOutcome("signer_stopped", "the signer is being stopped", nowMs);
  if (isQueueFull(state)) return waitOutcome(queueFullCode, "the signer's queue is full", nowMs);
  return null;
}

function waitOutcome(code: string, message: string, nowMs: number): StakeOutcome {
  return {
    kind: "returned",
    verdict: {
      kind: "wait",
      reason: { code, message: `${message}; it is asked again by itself` },
      for: "chain",
      notBefore: new Date(nowMs + askAgainMs).toISOString(),
    },
  };
}

/** Tells a request what became of its slot so far. */
export function notifyOfSlot(state: SignerState, slot: Slot): SignerState {
  if (!slot.request) return state;
  const newest = newestAttempt(slot);
  return notify(state, {
    requestId: slot.request.requestId,
    kind: "progressed",
    body: {
      stage: slot.receipt ? "mined" : newest?.sentAtMs ? "broadcast" : "queued",
      nonce: slot.nonce,
      transactionHash: slot.receipt?.hash ?? (newest?.sentAtMs ? newest.hash : null),
      blockNumber: slot.receipt?.blockNumber ?? null,
      waitingFor: null,
    },
  });
}

/** Tells a queued request that it stands in the queue, and what holds the queue up. */
export function notifyQueued(state: SignerState, requestId: string): SignerState {
  return notify(state, {
    requestId,
    kind: "progressed",
    body: {
      stage: "queued",
      nonce: null,
      transactionHash: null,
      blockNumber: null,
      waitingFor: standingReason(state),
    },
  });
}

/** Takes a request back: out of the queue at once; out of a slot by a NOOP that races it. */
export function withdraw(state: SignerState, { requestId, why }: WithdrawRequest): SignerState {
  const slot = slotOf(state, requestId);
  if (slot) return slot.withdrawn ? state : withSlot(state, { ...slot, withdrawn: why });
  if (state.notices.some((notice) => notice.requestId === requestId && notice.kind === "settled")) {
    return state;
  }
  const known = state.recent.find((result) => result.requestId === requestId);
  if (known) return notify(state, { requestId, kind: "settled", body: known.outcome });
  return leaveQueue(state, requestId, { kind: why, nonce: null });
}

/** A request leaves the queue with an outcome, without a nonce. */
export function leaveQueue(
  state: SignerState,
  requestId: string,
  outcome: StakeOutcome,
): SignerState {
  const queue = state.queue.filter((request) => request.requestId !== requestId);
  const left = notify(
    { ...state, queue, wantedWei: null },
    { requestId, kind: "settled", body: outcome },
  );
  return count(left, { cancelled: outcome.kind === "cancelled" ? 1 : 0 });
}

/**
 * What time alone brings: ends what has expired, sends away what its owner's daily share does not allow, empties a queue
 * that is stopped, and heals a gap that lasts. The same state where there is nothing of that.
 */
export function sweep(state: SignerState, nowMs: number): SignerState {
  let swept = healGap(state, nowMs);
  for (const request of state.queue) {
    const outcome = sweepOutcome(state, request, nowMs);
    if (outcome) swept = leaveQueue(swept, request.requestId, outcome);
  }
  for (const slot of state.slots) {
    if (isWanted(slot) && slot.request && isExpired(slot.request, nowMs)) {
      swept = withSlot(swept, { ...slot, withdrawn: "expired" });
    }
  }
  return swept;
}

function sweepOutcome(
  state: SignerState,
  request: QueuedRequest,
  nowMs: number,
): StakeOutcome | null {
  if (isExpired(request, nowMs)) return { kind: "expired", nonce: null };
  if (state.stopping) return waitOutcome("signer_stopped", "the signer is being stopped", nowMs);
  return hasDayShare(state, request, nowMs) ? null : tomorrow(nowMs);
}

/** When time alone brings something next, epoch milliseconds; null where it will not. */
export function nextSweepMs(state: SignerState): number | null {
  const open = [
    ...state.queue,
    ...state.slots.filter(isWanted).flatMap(({ request }) => request ?? []),
  ];
  return open.reduce<number | null>((least, { expiresAt }) => {
    const at = Date.parse(expiresAt);
    return least === null || at < least ? at : least;
  }, gapDueMs(state));
}

function isWanted(slot: Slot): boolean {
  return !slot.receipt && !slot.withdrawn;
}

function slotOf(state: SignerState, requestId: string): Slot | undefined {
  return state.slots.find(({ request }) => request?.requestId === requestId);
}

export function isExpired({ expiresAt }: QueuedRequest, nowMs: number): boolean {
  return Date.parse(expiresAt) <= nowMs;
}

/** Whether the request's owner may be served once more on this UTC day, or the request has had its part of it. */
export function hasDayShare(
  state: SignerState,
  { call: { owner }, bookedOn }: QueuedRequest,
  nowMs: number,
): boolean {
  const { perOwnerPerDay } = state.policy;
  if (perOwnerPerDay === null || state.day.date !== dateOf(nowMs)) return perOwnerPerDay !== 0;
  if (bookedOn === state.day.date) return true;
  const served = state.day.owners.find((entry) => entry.owner === owner)?.count ?? 0;
  return served < perOwnerPerDay;
}

/** Books a request to its owner's UTC day, once: a second nonce on the same day is not another request. */
export function takeDayShare(
  state: SignerState,
  request: QueuedRequest,
  nowMs: number,
): { readonly state: SignerState; readonly request: QueuedRequest } {
  const date = dateOf(nowMs);
  if (state.policy.perOwnerPerDay === null || request.bookedOn === date) return { state, request };
  const { owner } = request.call;
  const owners = state.day.date === date ? state.day.owners : [];
  const served = owners.find((entry) => entry.owner === owner)?.count ?? 0;
  const others = owners.filter((entry) => entry.owner !== owner);
  return {
    state: {
      ...state,
      day: { date, owners: [...others, { owner, count: served + 1 }].slice(-maximumOwners) },
    },
    request: { ...request, bookedOn: date },
  };
}

function tomorrow(nowMs: number): StakeOutcome {
  const midnight = Date.parse(`${dateOf(nowMs)}T00:00:00.000Z`) + 86_400_000;
  return {
    kind: "returned",
    verdict: {
      kind: "wait",
      reason: {
        code: "owner_day_limit",
        message: "this owner's requests of today are used up; it goes on after midnight UTC",
      },
      for: "date",
      notBefore: new Date(midnight).toISOString(),
    },
  };
}

function dateOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
