import { ActivityFailure } from "@temporalio/workflow";
import type { Hex } from "../../domain/chain.ts";
import { signTransactions } from "./effects.ts";
import type { SignedTransaction, UnsignedTransaction } from "./stake-activities.ts";

type Account = { readonly chainId: number; readonly address: Hex };

/** What was asked for, and what came of it. */
export type Signature = {
  readonly unsigned: UnsignedTransaction;
  readonly signed: SignedTransaction;
};

/** Signs a batch, all of it or nothing. What was not asked for is left out of the answer. */
export async function signBatch(
  account: Account,
  items: readonly UnsignedTransaction[],
): Promise<readonly Signature[]> {
  const answer = await signTransactions({ ...account, items });
  return answer.items.flatMap((signed) => {
    const unsigned = items.find(({ nonce }) => nonce === signed.nonce);
    return unsigned ? [{ unsigned, signed }] : [];
  });
}

/**
 * What a refused call is told by: an empty transfer at its nonce and price is signed in its place. A worker that refuses
 * this too (it has another key, chain or cap) refuses everything, and no call is to blame.
 * @throws the refusal where it is none for good, or the transfer is refused as well.
 */
export async function signInstead(
  account: Account,
  noop: UnsignedTransaction | null,
  refusal: unknown,
): Promise<Signature> {
  if (noop === null || !isForGood(refusal)) throw refusal;
  const [signature] = await signBatch(account, [noop]);
  if (signature === undefined) throw refusal;
  return signature;
}

function isForGood(error: unknown): boolean {
  return error instanceof ActivityFailure && error.retryState === "NON_RETRYABLE_FAILURE";
}
