-- One row per transaction.

CREATE TABLE IF NOT EXISTS execution_transaction
(
  updated_date_time DateTime COMMENT 'When the row was written, UTC, seconds' CODEC(DoubleDelta, ZSTD(1)),
  block_number UInt64 COMMENT 'Number of the block' CODEC(DoubleDelta, ZSTD(1)),
  block_hash FixedString(66) COMMENT 'Hash of the block, 0x + lower-case hex' CODEC(ZSTD(1)),
  parent_hash FixedString(66) COMMENT 'Hash of the block''s parent, 0x + lower-case hex' CODEC(ZSTD(1)),
  position UInt32 COMMENT 'Position of the transaction in the block, from 0' CODEC(DoubleDelta, ZSTD(1)),
  hash FixedString(66) COMMENT 'Hash of the transaction, 0x + lower-case hex' CODEC(ZSTD(1)),
  `from` FixedString(42) COMMENT 'Sender, 0x + lower-case hex' CODEC(ZSTD(1)),
  `to` Nullable(FixedString(42)) COMMENT 'Recipient, 0x + lower-case hex; NULL for a creation' CODEC(ZSTD(1)),
  nonce UInt64 COMMENT 'Nonce of the sender' CODEC(ZSTD(1)),
  gas_price UInt256 COMMENT 'Effective price, wei per gas' CODEC(ZSTD(1)),
  gas UInt64 COMMENT 'Gas limit, not the gas used' CODEC(ZSTD(1)),
  gas_tip_cap Nullable(UInt256) COMMENT 'Highest priority fee, wei per gas; NULL before type 2' CODEC(ZSTD(1)),
  gas_fee_cap Nullable(UInt256) COMMENT 'Highest total fee, wei per gas; NULL before type 2' CODEC(ZSTD(1)),
  value UInt256 COMMENT 'Value sent, wei' CODEC(ZSTD(1)),
  type UInt8 COMMENT 'Type of the transaction (EIP-2718); 0 is legacy' CODEC(ZSTD(1)),
  size UInt32 COMMENT 'Size of the encoded transaction without its blobs, bytes' CODEC(ZSTD(1)),
  call_data_size UInt32 COMMENT 'Size of the input, bytes' CODEC(ZSTD(1)),
  blob_gas Nullable(UInt64) COMMENT 'Blob gas used, gas; type 3 only, else NULL' CODEC(ZSTD(1)),
  blob_gas_fee_cap Nullable(UInt256) COMMENT 'Highest blob fee, wei per gas; type 3 only, else NULL' CODEC(ZSTD(1)),
  blob_hashes Array(String) COMMENT 'Versioned hashes of the blobs, 0x + lower-case hex' CODEC(ZSTD(1)),
  success Nullable(Bool) COMMENT 'Whether the transaction succeeded; NULL where neither receipt nor trace says' CODEC(ZSTD(1)),
  n_input_bytes UInt32 COMMENT 'Input, bytes' CODEC(ZSTD(1)),
  n_input_zero_bytes UInt32 COMMENT 'Zero bytes of the input, count' CODEC(ZSTD(1)),
  n_input_nonzero_bytes UInt32 COMMENT 'Other bytes of the input, count' CODEC(ZSTD(1)),
  gas_used UInt64 COMMENT 'Gas used, from the receipt' CODEC(ZSTD(1)),
  structlog_count UInt64 COMMENT 'Steps (opcodes run) of the transaction, count; 0 proves that there are none' CODEC(ZSTD(1)),
  contract_address Nullable(FixedString(42)) COMMENT 'Address of the contract that the transaction created, 0x + lower-case hex; else NULL' CODEC(ZSTD(1)),
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  attempt_id UInt64 COMMENT 'Stream of the block that the row came with; canonical if the ledger names it' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY (meta_network_name, intDiv(block_number, 5000000))
ORDER BY (meta_network_name, block_number, attempt_id, position)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row per transaction, of every attempt. Read canonical_execution_transaction.';

CREATE VIEW IF NOT EXISTS canonical_execution_transaction
(
  updated_date_time DateTime COMMENT 'When the row was written, UTC, seconds',
  block_number UInt64 COMMENT 'Number of the block',
  block_hash FixedString(66) COMMENT 'Hash of the block, 0x + lower-case hex',
  parent_hash FixedString(66) COMMENT 'Hash of the block''s parent, 0x + lower-case hex',
  position UInt32 COMMENT 'Position of the transaction in the block, from 0',
  hash FixedString(66) COMMENT 'Hash of the transaction, 0x + lower-case hex',
  `from` FixedString(42) COMMENT 'Sender, 0x + lower-case hex',
  `to` Nullable(FixedString(42)) COMMENT 'Recipient, 0x + lower-case hex; NULL for a creation',
  nonce UInt64 COMMENT 'Nonce of the sender',
  gas_price UInt256 COMMENT 'Effective price, wei per gas',
  gas UInt64 COMMENT 'Gas limit, not the gas used',
  gas_tip_cap Nullable(UInt256) COMMENT 'Highest priority fee, wei per gas; NULL before type 2',
  gas_fee_cap Nullable(UInt256) COMMENT 'Highest total fee, wei per gas; NULL before type 2',
  value UInt256 COMMENT 'Value sent, wei',
  type UInt8 COMMENT 'Type of the transaction (EIP-2718); 0 is legacy',
  size UInt32 COMMENT 'Size of the encoded transaction without its blobs, bytes',
  call_data_size UInt32 COMMENT 'Size of the input, bytes',
  blob_gas Nullable(UInt64) COMMENT 'Blob gas used, gas; type 3 only, else NULL',
  blob_gas_fee_cap Nullable(UInt256) COMMENT 'Highest blob fee, wei per gas; type 3 only, else NULL',
  blob_hashes Array(String) COMMENT 'Versioned hashes of the blobs, 0x + lower-case hex',
  success Nullable(Bool) COMMENT 'Whether the transaction succeeded; NULL where neither receipt nor trace says',
  n_input_bytes UInt32 COMMENT 'Input, bytes',
  n_input_zero_bytes UInt32 COMMENT 'Zero bytes of the input, count',
  n_input_nonzero_bytes UInt32 COMMENT 'Other bytes of the input, count',
  gas_used UInt64 COMMENT 'Gas used, from the receipt',
  structlog_count UInt64 COMMENT 'Steps (opcodes run) of the transaction, count; 0 proves that there are none',
  contract_address Nullable(FixedString(42)) COMMENT 'Address of the contract that the transaction created, 0x + lower-case hex; else NULL',
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network'
)
AS SELECT
  updated_date_time, block_number, block_hash, parent_hash, position, hash, `from`, `to`, nonce, gas_price, gas,
  gas_tip_cap, gas_fee_cap, value, type, size, call_data_size, blob_gas, blob_gas_fee_cap, blob_hashes, success,
  n_input_bytes, n_input_zero_bytes, n_input_nonzero_bytes, gas_used, structlog_count, contract_address,
  meta_network_name
FROM execution_transaction
INNER JOIN
(
  SELECT meta_network_name, block_number, attempt_id
  FROM execution_block FINAL
  WHERE processor = 'transaction' AND status = 'complete'
) AS canonical USING (meta_network_name, block_number, attempt_id)
COMMENT 'Rows of execution_transaction that the ledger calls canonical: one complete attempt per block.';
