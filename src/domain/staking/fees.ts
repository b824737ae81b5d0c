// What a transaction may cost. Wei travel as decimal strings (JSON has no bigint) and are reckoned as bigint.

/** EIP-1559 fees of one attempt, wei as decimal strings. */
export type Fees = { readonly maxFeePerGasWei: string; readonly maxPriorityFeePerGasWei: string };

export type FeeMarket = {
  readonly baseFeePerGasWei: string;
  readonly priorityFeePerGasWei: string;
};

export type FeePolicy = {
  readonly maxFeePerGasWei: string;
  readonly maxPriorityFeePerGasWei: string | null;
};

/** A pool takes a replacement from 110 % of both old fees (geth, reth, besu); anvil takes less, so the rule is kept here. */
const replacementPercent = 110n;

/** Fees of a first attempt: twice the base fee (it doubles in six full blocks) and the tip, within the cap. */
export function startFees(market: FeeMarket, policy: FeePolicy): Fees {
  const cap = BigInt(policy.maxFeePerGasWei);
  const wantedTip = tipOf(market, policy);
  const maxFee = least(2n * BigInt(market.baseFeePerGasWei) + wantedTip, cap);
  return toFees(maxFee, least(wantedTip, maxFee));
}

/** The fees, or the cap where that was lowered meanwhile. */
export function cappedFees(fees: Fees, policy: FeePolicy): Fees {
  const cap = BigInt(policy.maxFeePerGasWei);
  const maxFee = least(BigInt(fees.maxFeePerGasWei), cap);
  return toFees(maxFee, least(BigInt(fees.maxPriorityFeePerGasWei), maxFee));
}

/** Fees of the attempt that replaces one: 110 % of both or the market's, whichever is more; null where the cap forbids it. */
export function bumpedFees(old: Fees, market: FeeMarket, policy: FeePolicy): Fees | null {
  const cap = BigInt(policy.maxFeePerGasWei);
  const leastFee = raise(BigInt(old.maxFeePerGasWei));
  const leastTip = raise(BigInt(old.maxPriorityFeePerGasWei));
  if (leastFee > cap || leastTip > cap) return null;
  const tip = most(leastTip, least(tipOf(market, policy), cap));
  const maxFee = most(leastFee, least(2n * BigInt(market.baseFeePerGasWei) + tip, cap));
  return toFees(most(maxFee, tip), tip);
}

/** Whether the second attempt replaces the first in every pool. */
export function isReplacement(old: Fees, next: Fees): boolean {
  return (
    BigInt(next.maxFeePerGasWei) >= raise(BigInt(old.maxFeePerGasWei)) &&
    BigInt(next.maxPriorityFeePerGasWei) >= raise(BigInt(old.maxPriorityFeePerGasWei))
  );
}

/** Whether a block at this base fee can hold the attempt. */
export function isMinable(fees: Fees, market: FeeMarket): boolean {
  return BigInt(fees.maxFeePerGasWei) >= BigInt(market.baseFeePerGasWei);
}

/** Whether the next block would be glad of it: the base fee and the usual tip are covered. */
export function isAtMarket(fees: Fees, market: FeeMarket): boolean {
  const tip = least(BigInt(fees.maxPriorityFeePerGasWei), BigInt(market.priorityFeePerGasWei));
  return BigInt(fees.maxFeePerGasWei) >= BigInt(market.baseFeePerGasWei) + tip;
}

/** The most that an attempt can cost, in wei. */
export function worstCost(gasLimit: string, fees: Fees): bigint {
  return BigInt(gasLimit) * BigInt(fees.maxFeePerGasWei);
}

/** ceil(110 %), and never the same: 110 % of nothing is nothing. */
function raise(wei: bigint): bigint {
  return most((wei * replacementPercent + 99n) / 100n, wei + 1n);
}

function tipOf(market: FeeMarket, policy: FeePolicy): bigint {
  return BigInt(policy.maxPriorityFeePerGasWei ?? market.priorityFeePerGasWei);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function toFees(maxFee: bigint, tip: bigint): Fees {
  return { maxFeePerGasWei: String(maxFee), maxPriorityFeePerGasWei: String(tip) };
}
