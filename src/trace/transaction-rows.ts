import type { Hex, RpcBlock, RpcReceipt, RpcTransaction } from "../domain/chain.ts";
import { mismatch } from "./trace-rejected.ts";
import { encodeTransaction } from "./transaction-encoding.ts";
import { countBytes } from "./transaction-facts.ts";

/** A row of `execution_transaction`, keys as its columns; the store adds network, block, attempt and time. */
export type TransactionRow = {
  readonly position: number;
  readonly hash: string;
  readonly from: string;
  readonly to: string | null;
  readonly nonce: bigint;
  readonly gas_price: bigint;
  readonly gas: bigint;
  readonly gas_tip_cap: bigint | null;
  readonly gas_fee_cap: bigint | null;
  readonly value: bigint;
  readonly type: number;
  readonly size: number;
  readonly call_data_size: number;
  readonly blob_gas: bigint | null;
  readonly blob_gas_fee_cap: bigint | null;
  readonly blob_hashes: readonly string[];
  readonly success: boolean | null;
  readonly n_input_bytes: number;
  readonly n_input_zero_bytes: number;
  readonly n_input_nonzero_bytes: number;
  readonly gas_used: bigint;
  readonly structlog_count: number;
  readonly contract_address: string | null;
};

export type TransactionRowsInput = {
  readonly block: RpcBlock;
  /** In the order of the block's transactions. */
  readonly receipts: readonly RpcReceipt[];
  /** Steps of each transaction, by position; empty where none was traced. */
  readonly structlogCounts: readonly number[];
  /** Whether each failed by its trace: decides `success` before Byzantium, where no receipt does. */
  readonly failedByTrace?: readonly boolean[] | undefined;
};

const BLOB_GAS = 131_072n;

/**
 * The rows of a block's transactions (traces, section 4).
 * @throws {TraceRejected} proof_mismatch where a receipt is missing or belongs to another transaction.
 */
export function toTransactionRows(input: TransactionRowsInput): TransactionRow[] {
  return input.block.transactions.map((transaction, position) => {
    const receipt = input.receipts[position];
    if (receipt?.transactionHash.toLowerCase() !== transaction.hash.toLowerCase()) {
      throw mismatch("receipts", {
        expected: transaction.hash,
        actual: receipt?.transactionHash ?? "none",
        transactionIndex: position,
      });
    }
    return {
      ...toRow(transaction, input.block),
      success: success(receipt, input.failedByTrace?.[position]),
      gas_used: BigInt(receipt.gasUsed),
      structlog_count: input.structlogCounts[position] ?? 0,
      contract_address: receipt.contractAddress?.toLowerCase() ?? null,
    };
  });
}

type OwnColumns = Omit<
  TransactionRow,
  "success" | "gas_used" | "structlog_count" | "contract_address"
>;

function toRow(transaction: RpcTransaction, block: RpcBlock): OwnColumns {
  const type = Number(transaction.type ?? "0x0");
  const hasFeeCap = type >= 2;
  const hasBlobs = type === 3;
  const input = countBytes(transaction.input);
  const blobHashes = hasBlobs ? (transaction.blobVersionedHashes ?? []) : [];
  return {
    position: Number(transaction.transactionIndex),
    hash: transaction.hash.toLowerCase(),
    from: transaction.from.toLowerCase(),
    to: transaction.to?.toLowerCase() ?? null,
    nonce: BigInt(transaction.nonce),
    gas_price: gasPrice(transaction, block, hasFeeCap),
    gas: BigInt(transaction.gas),
    gas_tip_cap: hasFeeCap ? toBigint(transaction.maxPriorityFeePerGas) : null,
    gas_fee_cap: hasFeeCap ? toBigint(transaction.maxFeePerGas) : null,
    value: BigInt(transaction.value),
    type,
    size: encodeTransaction(transaction)?.length ?? 0,
    call_data_size: input.bytes,
    blob_gas: hasBlobs ? BLOB_GAS * BigInt(blobHashes.length) : null,
    blob_gas_fee_cap: hasBlobs ? toBigint(transaction.maxFeePerBlobGas) : null,
    blob_hashes: blobHashes.map((hash) => hash.toLowerCase()),
    n_input_bytes: input.bytes,
    n_input_zero_bytes: input.zeros,
    n_input_nonzero_bytes: input.bytes - input.zeros,
  };
}

/** What the transaction pays for a unit of gas: what it bids, or under EIP-1559 base fee and tip up to its cap. */
function gasPrice(transaction: RpcTransaction, block: RpcBlock, hasFeeCap: boolean): bigint {
  const bid = toBigint(transaction.gasPrice) ?? 0n;
  const feeCap = toBigint(transaction.maxFeePerGas);
  const tipCap = toBigint(transaction.maxPriorityFeePerGas);
  const baseFee = toBigint(block.baseFeePerGas);
  if (!hasFeeCap || baseFee === null || feeCap === null || tipCap === null) return bid;
  return feeCap < baseFee + tipCap ? feeCap : baseFee + tipCap;
}

function success(receipt: RpcReceipt, failedByTrace: boolean | undefined): boolean | null {
  if (receipt.status) return Number(receipt.status) === 1;
  return failedByTrace === undefined ? null : !failedByTrace;
}

function toBigint(value: Hex | null | undefined): bigint | null {
  return value === null || value === undefined ? null : BigInt(value);
}
