import type { AccountView } from "../../workflows/staking/stake-activities.ts";
import { startFees, worstCost } from "./fees.ts";
import { hasDayShare, isExpired, leaveQueue, notifyQueued, takeDayShare } from "./intake.ts";
import { seeAccount } from "./settlement.ts";
import { type QueuedRequest, type SignerState, unminedSlots } from "./signer-state.ts";
import type { CheckVerdict, StakeCall } from "./stake-call.ts";
import { roomInFlight, spendableWei, standingOf } from "./standing.ts";

// Which requests get a nonce next. The only place where nonces come from.

/** The requests to look at before they get a nonce: the oldest that may have one now; empty where none may. */
export function chooseBatch(state: SignerState, nowMs: number): readonly QueuedRequest[] {
  return oldestOf(state, nowMs, roomInFlight(state));
}

/** All of which any might be looked at in the others' place; empty where none may have a nonce now. */
export function chooseAll(state: SignerState, nowMs: number): readonly QueuedRequest[] {
  return roomInFlight(state) > 0 ? oldestOf(state, nowMs, state.queue.length) : [];
}

function oldestOf(state: SignerState, nowMs: number, most: number): readonly QueuedRequest[] {
  if (state.stopping || standingOf(state) !== null) return [];
  const busy = busyKeys(state);
  const batch: QueuedRequest[] = [];
  for (const request of state.queue) {
    if (batch.length >= most) break;
    if (!mayHaveNonce(state, request, busy, nowMs)) continue;
    batch.push(request);
    for (const key of keysOf(request.call)) busy.add(key);
  }
  return batch;
}

export type Prepared = {
  readonly account: AccountView;
  readonly items: readonly { readonly requestId: string; readonly verdict: CheckVerdict }[];
};

/** Gives nonces to what a fresh look found ready, as far as room, balance and fees go; the rest stays or is answered. */
export function assign(state: SignerState, prepared: Prepared, nowMs: number): SignerState {
  let next = seeAccount(state, prepared.account, [], nowMs);
  for (const { requestId, verdict } of prepared.items) {
    const request = next.queue.find((queued) => queued.requestId === requestId);
    if (!request) continue;
    next =
      verdict.kind === "ready"
        ? assignOne(next, request, verdict.gasLimit, nowMs)
        : leaveQueue(next, requestId, { kind: "returned", verdict });
  }
  return next;
}

function assignOne(
  state: SignerState,
  request: QueuedRequest,
  gasLimit: string,
  nowMs: number,
): SignerState {
  const { account, nextNonce } = state;
  if (account === null || nextNonce === null) return state;
  if (state.stopping || standingOf(state) !== null || roomInFlight(state) === 0) return state;
  if (!mayHaveNonce(state, request, busyKeys(state), nowMs)) return state;
  const fees = startFees(account, state.policy);
  const cost = worstCost(gasLimit, fees);
  if (cost > spendableWei(state)) {
    return notifyQueued({ ...state, wantedWei: String(cost) }, request.requestId);
  }
  const booked = takeDayShare(state, request, nowMs);
  const slot = {
    nonce: nextNonce,
    request: booked.request,
    gasLimit,
    startFees: fees,
    attempts: [],
    lastSentAtMs: null,
    resend: false,
    bumpAsked: false,
    withdrawn: null,
    receipt: null,
    missingSinceMs: null,
  };
  return {
    ...booked.state,
    nextNonce: nextNonce + 1,
    queue: state.queue.filter(({ requestId }) => requestId !== request.requestId),
    slots: [...state.slots, slot],
  };
}

function mayHaveNonce(
  state: SignerState,
  request: QueuedRequest,
  busy: ReadonlySet<string>,
  nowMs: number,
): boolean {
  return (
    !isExpired(request, nowMs) &&
    hasDayShare(state, request, nowMs) &&
    !keysOf(request.call).some((key) => busy.has(key))
  );
}

/** Two simulations at `latest` would both pass, and the second transaction burn its gas: one after the other. */
function busyKeys(state: SignerState): Set<string> {
  return new Set(
    unminedSlots(state).flatMap(({ request }) => (request ? keysOf(request.call) : [])),
  );
}

function keysOf(call: StakeCall): string[] {
  return call.kind === "stake"
    ? [`owner ${call.owner}`]
    : [`owner ${call.owner}`, `stake ${call.stakeId}`];
}
