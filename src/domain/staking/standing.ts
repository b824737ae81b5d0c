import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";
import { bumpedFees, isMinable } from "./fees.ts";
import { nonceWords } from "./nonce-words.ts";
import {
  newestAttempt,
  openCost,
  type SignerState,
  type Slot,
  unminedSlots,
} from "./signer-state.ts";
import type { StakeReason } from "./stake-call.ts";
import { etherDecimals, formatUnits } from "./units.ts";

// Why a signer gives no new nonce, and what a person should know of it. Read from the state, never stored.

/** Pools keep 16 executable transactions of one account for sure (geth). */
const maximumInFlight = 16;
/** Carried over by continue-as-new, about 2.5 kB each. */
const maximumOpenSlots = 400;
const stuckAfterMs = 600_000;

type Standing = SignerStatus["standsStill"];

/** Why no new nonce is given; null while they are. */
export function standingOf(state: SignerState): Standing {
  if (state.paused) return "paused";
  if (foreignNonces(state).length > 0) return "foreign_nonce";
  if (state.gapSinceMs !== null) return "node_away";
  if (isBalanceLow(state)) return "low_balance";
  return isFeeCapBelowMarket(state) ? "fee_cap" : null;
}

/** The same as a word to a waiting request. */
export function standingReason(state: SignerState): StakeReason | null {
  const standing = standingOf(state);
  return standing === null ? null : { code: standing, message: standingWords[standing] };
}

/** For people. */
export const standingWords: Readonly<Record<NonNullable<Standing>, string>> = {
  paused: "the signer is paused by its operator",
  foreign_nonce:
    "a transaction that is not ours used a nonce of the signer; it waits until that is final",
  node_away:
    "the node shows fewer transactions of the signer than it has sent; it goes on by itself",
  low_balance: "the signer's balance is too low; it goes on by itself when it is filled up",
  fee_cap: "gas costs more than the signer may pay; it goes on by itself when fees fall",
};

/** Nonces that the chain has used and of which it shows no receipt of ours. */
export function foreignNonces(state: SignerState): number[] {
  const missing = state.slots.filter(({ missingSinceMs }) => missingSinceMs !== null);
  const above =
    state.account && state.nextNonce !== null && state.account.latestNonce > state.nextNonce
      ? [state.nextNonce]
      : [];
  return [...missing.map(({ nonce }) => nonce), ...above];
}

/** How many more requests may get a nonce now. */
export function roomInFlight(state: SignerState): number {
  const allowed = Math.min(state.policy.maxInFlight, maximumInFlight);
  const room = allowed - unminedSlots(state).length;
  return Math.max(0, Math.min(room, maximumOpenSlots - state.slots.length));
}

/** What may be spent on new transactions, in wei: the balance less the reserve and all that is promised already. */
export function spendableWei(state: SignerState): bigint {
  if (!state.account) return 0n;
  return BigInt(state.account.balanceWei) - BigInt(state.policy.reserveWei) - openCost(state);
}

/** Whether the highest fee we may pay does not get into the next block. */
function isFeeCapBelowMarket({ account, policy }: SignerState): boolean {
  if (!account) return false;
  const cap = policy.maxFeePerGasWei;
  return !isMinable({ maxFeePerGasWei: cap, maxPriorityFeePerGasWei: "0" }, account);
}

function isBalanceLow(state: SignerState): boolean {
  if (!state.account) return false;
  if (state.wantedWei !== null) return true;
  return BigInt(state.account.balanceWei) < BigInt(state.policy.reserveWei);
}

/** Whether a replacement of the slot's newest attempt would cost more than the cap. */
export function isAtFeeCap(state: SignerState, slot: Slot): boolean {
  const newest = newestAttempt(slot);
  if (!state.account || !newest || slot.receipt) return false;
  return bumpedFees(newest, state.account, state.policy) === null;
}

/** What a person should look at, in words. */
export function alarmsOf(state: SignerState, nowMs: number): string[] {
  const capped = unminedSlots(state).filter(
    (slot) => isAtFeeCap(state, slot) && ageOf(slot, nowMs) >= state.policy.bumpAfterMs,
  );
  const stuck = unminedSlots(state).filter((slot) => ageOf(slot, nowMs) >= stuckAfterMs);
  const foreign = foreignNonces(state);
  const standing = standingOf(state);
  return [
    ...(foreign.length > 0
      ? [`foreign_nonce: the chain used ${nonceWords(foreign)} and shows no receipt of ours`]
      : []),
    ...(capped.length > 0
      ? [
          `fee_cap: ${nonceWords(numbersOf(capped))} cannot be bumped beneath the cap; sent again as before`,
        ]
      : []),
    ...(standing === "node_away"
      ? ["gap: the chain's nonce is below all of ours; filled by NOOPs after a minute"]
      : []),
    ...(standing === "fee_cap" ? ["fee_cap: the base fee is above the cap"] : []),
    ...(standing === "low_balance" || hasInsufficientFunds(state)
      ? [`low_balance: ${balanceWords(state)}`]
      : []),
    ...(state.slots.length >= maximumOpenSlots
      ? [
          `finality: ${state.slots.length} nonces are not final, and no more are given until some are`,
        ]
      : []),
    ...(stuck.length > 0
      ? [`stuck: ${nonceWords(numbersOf(stuck))} not mined for 10 minutes`]
      : []),
  ];
}

function balanceWords({ account }: SignerState): string {
  if (account === null) return "not known";
  return `${formatUnits(account.balanceWei, etherDecimals)} ETH (${account.balanceWei} wei)`;
}

function hasInsufficientFunds(state: SignerState): boolean {
  return unminedSlots(state).some((slot) => newestAttempt(slot)?.result === "insufficient_funds");
}

function ageOf(slot: Slot, nowMs: number): number {
  const first = slot.attempts[0];
  return first ? nowMs - first.signedAtMs : 0;
}

function numbersOf(slots: readonly Slot[]): number[] {
  return slots.map(({ nonce }) => nonce);
}
