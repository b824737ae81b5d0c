import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";
import type { Hex } from "../chain.ts";
import { newestAttempt, type SignerState, type Slot, unminedSlots } from "./signer-state.ts";
import { alarmsOf, standingOf } from "./standing.ts";

/**
 * What people and programs see of a signer.
 * @param about.faults - what does not answer now: `holding` is a node or worker that nonces wait for.
 */
export function signerStatus(
  state: SignerState,
  about: {
    readonly chainId: number;
    readonly address: Hex;
    readonly faults: { readonly holding: string | null; readonly other: string | null };
    readonly nowMs: number;
  },
): SignerStatus {
  const { account, queue, slots } = state;
  const inFlight = unminedSlots(state).length;
  const oldest = queue.reduce<number | null>(
    (least, { queuedAtMs }) => (least === null || queuedAtMs < least ? queuedAtMs : least),
    null,
  );
  const alarms = alarmsOf(state, about.nowMs);
  return {
    chainId: about.chainId,
    address: about.address,
    standsStill: standingOf(state) ?? (about.faults.holding === null ? null : "node_away"),
    policy: state.policy,
    nextNonce: state.nextNonce,
    latestNonce: account?.latestNonce ?? null,
    balanceWei: account?.balanceWei ?? null,
    queued: queue.length,
    oldestQueuedAt: oldest === null ? null : new Date(oldest).toISOString(),
    inFlight,
    settling: slots.length - inFlight,
    slots: slots.map(slotStatus),
    counts: state.counts,
    gasUsedWei: state.gasUsedWei,
    alarms: [
      ...alarms,
      ...(about.faults.holding === null ? [] : [`node_away: ${about.faults.holding}`]),
      ...(about.faults.other === null ? [] : [`away: ${about.faults.other}`]),
    ],
    lastError: state.lastError,
  };
}

function slotStatus(slot: Slot): SignerStatus["slots"][number] {
  const newest = newestAttempt(slot);
  return {
    nonce: slot.nonce,
    requestId: slot.request?.requestId ?? null,
    kind: newest?.kind ?? "call",
    attempts: slot.attempts.length,
    transactionHash: slot.receipt?.hash ?? newest?.hash ?? null,
    stage: slot.receipt ? "mined" : newest?.sentAtMs ? "broadcast" : "signed",
  };
}
