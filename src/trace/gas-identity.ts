import type { ClientQuirks } from "./client-quirks.ts";
import {
  AUTHORIZATION_REFUND,
  type TransactionFacts,
  type TransactionGas,
} from "./transaction-facts.ts";

/** Refund of a SELFDESTRUCT before London. */
const SELFDESTRUCT_REFUND = 24_000;

/** How a transaction's root frame ended. */
export type RootEnd = {
  readonly failed: boolean;
  /** Gas left to the sender before refunds, deposit of a creation taken off. */
  readonly left: number;
  /** Refund counter of the first and the last step. */
  readonly firstRefund: number;
  readonly lastRefund: number;
  readonly lastIsSelfdestruct: boolean;
};

/** What a transaction may have been charged, and the refund in it. */
export type Charge = { readonly gasUsed: number; readonly refund: number };

/**
 * Gas that a transaction may have used by its trace (traces, section 6, rule 5): one number, or a few where
 * the client hides a refund.
 */
export function possibleGasUsed(
  end: RootEnd,
  transaction: TransactionFacts,
  gas: TransactionGas,
  quirks: ClientQuirks,
): Charge[] {
  const before = transaction.gasLimit - end.left;
  const counters = quirks.refundHoldsAuthorizations
    ? [end.failed ? end.firstRefund : end.lastRefund]
    : counterWithAuthorizations(end.failed ? 0 : end.lastRefund, transaction.authorizations);
  if (quirks.refundBeforeStep && end.lastIsSelfdestruct && !end.failed && gas.refundDivisor === 2) {
    counters.push(...counters.map((counter) => counter + SELFDESTRUCT_REFUND));
  }
  return counters.map((counter) => charge(before, counter, gas));
}

/** The same for a transaction that ran no step: only its authorisations can be refunded. */
export function possibleGasUsedWithoutSteps(
  before: number,
  transaction: TransactionFacts,
  gas: TransactionGas,
): Charge[] {
  return counterWithAuthorizations(0, transaction.authorizations).map((counter) =>
    charge(before, counter, gas),
  );
}

function counterWithAuthorizations(counter: number, authorizations: number): number[] {
  return Array.from(
    { length: authorizations + 1 },
    (_, existing) => counter + AUTHORIZATION_REFUND * existing,
  );
}

function charge(before: number, counter: number, gas: TransactionGas): Charge {
  const refund = Math.min(counter, Math.floor(before / gas.refundDivisor));
  return { gasUsed: Math.max(before - refund, gas.floor), refund };
}
