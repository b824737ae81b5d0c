// Contract sketch: the owner of src/trace completes this file with `toTransactionRows`.

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
