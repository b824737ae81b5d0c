import type { StakeOutcome } from "../../workflows/staking/messages.ts";
import type {
  SignedTransaction,
  UnsignedTransaction,
} from "../../workflows/staking/stake-activities.ts";
import { signed } from "./attempts.ts";
import { noopGasLimit } from "./gaps.ts";
import { count, notify, type SignerState, type Slot, withSlot } from "./signer-state.ts";

// A call that the holder of the key never signs must not keep its nonce: everything above would wait for it.

/** What is signed in the place of a call: nothing, at the same nonce and price. null: it is not a first attempt of a call. */
export function instead(
  state: SignerState,
  refused: UnsignedTransaction,
): UnsignedTransaction | null {
  return slotOf(state, refused) && { ...refused, gasLimit: noopGasLimit, call: null };
}

/**
 * Books that a call is refused while the empty transfer in its place is signed. The nonce goes back if it is the newest,
 * else the transfer uses it up; nothing of the call was ever signed, so its request hears of it at once.
 */
export function refusedToSign(
  state: SignerState,
  refused: UnsignedTransaction,
  noop: { readonly unsigned: UnsignedTransaction; readonly signed: SignedTransaction },
  nowMs: number,
): SignerState {
  const slot = slotOf(state, refused);
  if (!slot?.request) return state;
  const { requestId } = slot.request;
  const body: StakeOutcome = slot.withdrawn ? { kind: slot.withdrawn, nonce: null } : refusal;
  const told = notify(count(state, { refusals: 1, cancelled: body.kind === "cancelled" ? 1 : 0 }), {
    requestId,
    kind: "settled",
    body,
  });
  if (isGivenBack(state, slot)) {
    const slots = told.slots.filter(({ nonce }) => nonce !== slot.nonce);
    return { ...told, slots, nextNonce: slot.nonce };
  }
  const freed = { ...slot, request: null, gasLimit: noopGasLimit, withdrawn: null };
  return signed(withSlot(told, freed), [noop], nowMs);
}

/** Whether nobody has used the nonce or one above it. */
function isGivenBack({ nextNonce, account }: SignerState, { nonce }: Slot): boolean {
  return nextNonce === nonce + 1 && account !== null && account.latestNonce <= nonce;
}

/** The slot that waits for its first signature of exactly this call. */
function slotOf({ slots }: SignerState, { nonce, call }: UnsignedTransaction): Slot | null {
  const slot = slots.find((open) => open.nonce === nonce);
  const isFirst = slot?.attempts.length === 0 && !slot.receipt;
  const isOfCall = call !== null && slot?.request?.call.signature === call.signature;
  return slot && isFirst && isOfCall ? slot : null;
}

const refusal: StakeOutcome = {
  kind: "returned",
  verdict: {
    kind: "refused",
    reason: {
      code: "signing_refused",
      message: "the holder of the key does not sign this transaction; nothing was sent",
    },
    mayBeAskedAgain: true,
  },
};
