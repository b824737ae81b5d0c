-- One row per step and per synthetic frame.

CREATE TABLE IF NOT EXISTS execution_structlog
(
  updated_date_time DateTime COMMENT 'When the row was written, UTC, seconds' CODEC(Delta, LZ4),
  block_number UInt64 COMMENT 'Number of the block' CODEC(Delta, LZ4),
  block_hash LowCardinality(FixedString(66)) COMMENT 'Hash of the block, 0x + lower-case hex' CODEC(LZ4),
  transaction_hash LowCardinality(FixedString(66)) COMMENT 'Hash of the transaction, 0x + lower-case hex' CODEC(LZ4),
  transaction_index UInt32 COMMENT 'Position of the transaction in the block, from 0' CODEC(Delta, LZ4),
  transaction_gas UInt64 COMMENT 'Gas used by the whole transaction, from its receipt' CODEC(Delta, LZ4),
  transaction_failed Bool COMMENT 'Whether the transaction failed' CODEC(LZ4),
  transaction_return_value LowCardinality(Nullable(String)) COMMENT 'What the transaction returned, 0x + lower-case hex; NULL if empty' CODEC(LZ4),
  `index` UInt32 COMMENT 'Position of the step in the transaction, from 0; a synthetic row repeats that of its call' CODEC(Delta, LZ4),
  pc UInt64 COMMENT 'Program counter, bytes; a synthetic row takes that of its call' CODEC(Delta, LZ4),
  operation LowCardinality(String) COMMENT 'Opcode by name; empty on synthetic rows (frames without steps)',
  gas UInt64 COMMENT 'Gas left before the step' CODEC(Delta, LZ4),
  gas_cost UInt64 COMMENT 'Cost as the node gives it, gas; of a call with the gas handed over' CODEC(Delta, LZ4),
  gas_used UInt64 COMMENT 'Gas gone by the step, of a call with its callee' CODEC(LZ4),
  gas_self UInt64 COMMENT 'Gas gone by the step itself, of a call without its callee' CODEC(LZ4),
  depth UInt32 COMMENT 'Depth of the call stack, the root is 1' CODEC(Delta, LZ4),
  return_data LowCardinality(Nullable(String)) COMMENT 'Always NULL (not asked of the node); kept for compatibility' CODEC(LZ4),
  refund Nullable(UInt64) COMMENT 'Refund counter as the node gives it, gas; NULL on synthetic rows and where it cannot be known' CODEC(LZ4),
  error LowCardinality(Nullable(String)) COMMENT 'Why the step halted its frame; NULL if it did not' CODEC(LZ4),
  call_to_address LowCardinality(Nullable(String)) COMMENT 'Address that the step calls or creates, 0x + lower-case hex; NULL for other steps and, where the block was traced without stacks, for calls that halt before they enter' CODEC(LZ4),
  call_frame_id UInt32 COMMENT 'Number of the call frame in the transaction, the root is 0' CODEC(Delta, LZ4),
  call_frame_path Array(UInt32) COMMENT 'Numbers of the frames from the root to this one' CODEC(LZ4),
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  attempt_id UInt64 COMMENT 'Stream of the block that the row came with; canonical if the ledger names it' CODEC(LZ4)
)
ENGINE = MergeTree
PARTITION BY (meta_network_name, intDiv(block_number, 201600))
ORDER BY (meta_network_name, block_number, attempt_id, transaction_index, `index`, call_frame_id)
SETTINGS non_replicated_deduplication_window = 10000, min_bytes_for_wide_part = 67108864
COMMENT 'One row per opcode run and per synthetic frame, of every attempt. Read canonical_execution_transaction_structlog.';

-- A join and not IN: a filter on block_number or meta_network_name reaches both sides, so one block of
-- millions reads a few granules of each.
CREATE VIEW IF NOT EXISTS canonical_execution_transaction_structlog
(
  updated_date_time DateTime COMMENT 'When the row was written, UTC, seconds',
  block_number UInt64 COMMENT 'Number of the block',
  block_hash FixedString(66) COMMENT 'Hash of the block, 0x + lower-case hex',
  transaction_hash FixedString(66) COMMENT 'Hash of the transaction, 0x + lower-case hex',
  transaction_index UInt32 COMMENT 'Position of the transaction in the block, from 0',
  transaction_gas UInt64 COMMENT 'Gas used by the whole transaction, from its receipt',
  transaction_failed Bool COMMENT 'Whether the transaction failed',
  transaction_return_value Nullable(String) COMMENT 'What the transaction returned, 0x + lower-case hex; NULL if empty',
  `index` UInt32 COMMENT 'Position of the step in the transaction, from 0; a synthetic row repeats that of its call',
  pc UInt64 COMMENT 'Program counter, bytes; a synthetic row takes that of its call',
  operation LowCardinality(String) COMMENT 'Opcode by name; empty on synthetic rows (frames without steps)',
  gas UInt64 COMMENT 'Gas left before the step',
  gas_cost UInt64 COMMENT 'Cost as the node gives it, gas; of a call with the gas handed over',
  gas_used UInt64 COMMENT 'Gas gone by the step, of a call with its callee',
  gas_self UInt64 COMMENT 'Gas gone by the step itself, of a call without its callee',
  depth UInt32 COMMENT 'Depth of the call stack, the root is 1',
  return_data Nullable(String) COMMENT 'Always NULL (not asked of the node); kept for compatibility',
  refund Nullable(UInt64) COMMENT 'Refund counter as the node gives it, gas; NULL on synthetic rows and where it cannot be known',
  error Nullable(String) COMMENT 'Why the step halted its frame; NULL if it did not',
  call_to_address Nullable(String) COMMENT 'Address that the step calls or creates, 0x + lower-case hex; NULL for other steps and, where the block was traced without stacks, for calls that halt before they enter',
  call_frame_id UInt32 COMMENT 'Number of the call frame in the transaction, the root is 0',
  call_frame_path Array(UInt32) COMMENT 'Numbers of the frames from the root to this one',
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network'
)
AS SELECT
  updated_date_time, block_number, block_hash, transaction_hash, transaction_index, transaction_gas,
  transaction_failed, transaction_return_value, `index`, pc, operation, gas, gas_cost, gas_used, gas_self, depth,
  return_data, refund, error, call_to_address, call_frame_id, call_frame_path, meta_network_name
FROM execution_structlog
INNER JOIN
(
  SELECT meta_network_name, block_number, attempt_id
  FROM execution_block FINAL
  WHERE processor = 'structlog' AND status = 'complete'
) AS canonical USING (meta_network_name, block_number, attempt_id)
COMMENT 'Rows of execution_structlog that the ledger calls canonical: one complete attempt per block.';
