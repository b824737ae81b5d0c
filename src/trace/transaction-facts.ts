import type { RpcBlock, RpcReceipt, RpcTransaction } from "../domain/chain.ts";
import { type Fork, isAtLeast } from "../domain/fork.ts";
import { precompileAt } from "./precompiles.ts";
import { mismatch } from "./trace-rejected.ts";

/** What block and receipts say of a transaction before its trace is read. Gas in whole numbers. */
export type TransactionFacts = {
  readonly index: number;
  readonly hash: string;
  readonly gasLimit: number;
  readonly gasUsed: number;
  readonly cumulativeGasUsed: number;
  /** From the receipt's status; null before Byzantium. */
  readonly failed: boolean | null;
  readonly isCreation: boolean;
  /** 0x + 40 hex; null for a creation. */
  readonly to: string | null;
  readonly input: string;
  readonly authorizations: number;
};

/**
 * Pairs each transaction with its receipt.
 * @throws {TraceRejected} proof_mismatch where they belong to different transactions or blocks.
 */
export function toTransactionFacts(
  block: RpcBlock,
  receipts: readonly RpcReceipt[],
): TransactionFacts[] {
  if (receipts.length !== block.transactions.length) {
    throw mismatch("receipts", { expected: block.transactions.length, actual: receipts.length });
  }
  return block.transactions.map((transaction, position) => {
    const receipt = receipts[position]!;
    const index = Number(transaction.transactionIndex);
    const own = transaction.hash.toLowerCase();
    if (receipt.transactionHash.toLowerCase() !== own) {
      throw mismatch("receipts", {
        expected: own,
        actual: receipt.transactionHash,
        transactionIndex: index,
      });
    }
    if (receipt.blockHash.toLowerCase() !== block.hash.toLowerCase()) {
      throw mismatch("receipts", {
        expected: `block ${block.hash}`,
        actual: `block ${receipt.blockHash}`,
        transactionIndex: index,
      });
    }
    return {
      index,
      hash: own,
      gasLimit: Number(transaction.gas),
      gasUsed: Number(receipt.gasUsed),
      cumulativeGasUsed: Number(receipt.cumulativeGasUsed),
      failed: receipt.status ? Number(receipt.status) === 0 : null,
      isCreation: transaction.to === null || transaction.to === undefined,
      to: transaction.to?.toLowerCase() ?? null,
      input: transaction.input,
      authorizations: transaction.authorizationList?.length ?? 0,
    };
  });
}

/** Gas that a transaction pays whatever it runs. */
export type TransactionGas = {
  readonly intrinsic: number;
  /** The least that is charged (EIP-7623); 0 before Prague. */
  readonly floor: number;
  /** Refunds are capped at used gas divided by this. */
  readonly refundDivisor: number;
  /** Number of the precompile that `to` is; 0 if none. */
  readonly precompile: number;
};

/** Refund for each 7702 authorisation whose account exists. */
export const AUTHORIZATION_REFUND = 12_500;

export function transactionGas(
  fork: Fork,
  transaction: Pick<RpcTransaction, "to" | "input" | "accessList" | "authorizationList">,
): TransactionGas {
  const since = (gate: Fork) => isAtLeast(fork, gate);
  const { bytes, zeros } = countBytes(transaction.input);
  const nonZeros = bytes - zeros;
  const isCreation = transaction.to === null || transaction.to === undefined;
  const accessList = transaction.accessList ?? [];
  const keys = accessList.reduce((sum, { storageKeys }) => sum + storageKeys.length, 0);
  const intrinsic =
    21_000 +
    4 * zeros +
    (since("istanbul") ? 16 : 68) * nonZeros +
    (isCreation && since("homestead") ? 32_000 : 0) +
    (isCreation && since("shanghai") ? 2 * Math.ceil(bytes / 32) : 0) +
    2400 * accessList.length +
    1900 * keys +
    25_000 * (transaction.authorizationList?.length ?? 0);
  return {
    intrinsic,
    floor: since("prague") ? 21_000 + 10 * (zeros + 4 * nonZeros) : 0,
    refundDivisor: since("london") ? 5 : 2,
    precompile: transaction.to ? precompileAt(fork, transaction.to.toLowerCase()) : 0,
  };
}

/** Bytes of 0x hex, and how many of them are zero. */
export function countBytes(hex: string): { bytes: number; zeros: number } {
  let zeros = 0;
  for (let i = 2; i < hex.length; i += 2) {
    if (hex.charCodeAt(i) === 48 && hex.charCodeAt(i + 1) === 48) zeros++;
  }
  return { bytes: (hex.length - 2) / 2, zeros };
}
