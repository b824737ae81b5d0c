import { startFees } from "./fees.ts";
import type { SignerState, Slot } from "./signer-state.ts";

// A nonce below all of ours that nothing of ours will use: nothing above it can be mined.

/** How long a gap lasts before it is believed: a node that lags shows one too. */
const gapPatienceMs = 60_000;
/** The most that one step fills. */
const maximumFill = 16;
/** A transfer of nothing to oneself. */
export const noopGasLimit = "21000";

/** Whether the chain's nonce is below all that are open, or below the next where none is. */
export function hasGap({ account, slots, nextNonce }: SignerState): boolean {
  if (!account || nextNonce === null) return false;
  return account.latestNonce < (slots[0]?.nonce ?? nextNonce);
}

/** When a gap will be believed, epoch milliseconds; null where there is none. */
export function gapDueMs({ gapSinceMs }: SignerState): number | null {
  return gapSinceMs === null ? null : gapSinceMs + gapPatienceMs;
}

/**
 * Heals a gap that lasts (the chain was set back beneath what was final, or nonces started above a transaction of
 * somebody else that left the chain): without open slots nonces start anew, else NOOPs fill it.
 */
export function healGap(state: SignerState, nowMs: number): SignerState {
  const { account, slots } = state;
  const dueMs = gapDueMs(state);
  if (!account || dueMs === null || nowMs < dueMs || !hasGap(state)) return state;
  const lowest = slots[0]?.nonce;
  if (lowest === undefined) return { ...state, nextNonce: account.latestNonce, gapSinceMs: null };
  const missing = Array.from(
    { length: Math.min(lowest - account.latestNonce, maximumFill) },
    (_, index) => lowest - 1 - index,
  ).toReversed();
  return {
    ...state,
    gapSinceMs: null,
    slots: [...missing.map((nonce) => fill(state, nonce)), ...slots],
  };
}

function fill({ account, policy }: SignerState, nonce: number): Slot {
  const market = account ?? { baseFeePerGasWei: "0", priorityFeePerGasWei: "0" };
  return {
    nonce,
    request: null,
    gasLimit: noopGasLimit,
    startFees: startFees(market, policy),
    attempts: [],
    lastSentAtMs: null,
    resend: false,
    bumpAsked: false,
    withdrawn: null,
    receipt: null,
    missingSinceMs: null,
  };
}
