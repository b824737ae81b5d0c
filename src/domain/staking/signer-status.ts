import type { SignerStatus } from "../../workflows/staking/messages.ts";
import type { Hex } from "../chain.ts";
import { newestAttempt, type SignerState, type Slot, unminedSlots } from "./signer-state.ts";
import { alarmsOf, standingOf } from "./standing.ts";

/**
 * What people and programs see of a signer.
 * @param fault - what keeps a node or worker from answering now; null while all answer.
 */
export function signerStatus(
  state: SignerState,
  about: {
    readonly chainId: number;
    readonly address: Hex;
    readonly fault: string | null;
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
    standsStill: standingOf(state) ?? (about.fault === null ? null : "node_away"),
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
    alarms: about.fault === null ? alarms : [...alarms, `node_away: ${about.fault}`],
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
