import type { Hex, RpcBlock, RpcReceipt, RpcTransaction } from "../domain/chain.ts";
import { toNumber } from "./decode.ts";

/** A call to an account that surely ran code if the account has any. */
export type CodeRun = { readonly transactionHash: Hex; readonly to: Hex; readonly gasUsed: number };

/** 21,000 and at most 40 a byte of calldata (EIP-7623): what a transaction costs that runs nothing. */
const baseGas = 21_000;
const gasPerByte = 40;

/**
 * Calls of a block whose gas cannot be explained without code, cheapest first. Creations are left out (their init code
 * may be empty), and so are access lists and authorizations, which cost gas of their own.
 */
export function findCodeRuns(block: RpcBlock, receipts: readonly RpcReceipt[]): CodeRun[] {
  const gasUsed = new Map(
    receipts.map((receipt) => [receipt.transactionHash, toNumber(receipt.gasUsed)]),
  );
  return block.transactions
    .flatMap((transaction) => {
      const used = gasUsed.get(transaction.hash) ?? 0;
      return transaction.to !== null && used > explainedGas(transaction)
        ? [{ transactionHash: transaction.hash, to: transaction.to, gasUsed: used }]
        : [];
    })
    .toSorted((a, b) => a.gasUsed - b.gasUsed);
}

function explainedGas({ input, accessList, authorizationList }: RpcTransaction): number {
  if (accessList?.length || authorizationList?.length) return Number.POSITIVE_INFINITY;
  return baseGas + (gasPerByte * (input.length - 2)) / 2;
}
