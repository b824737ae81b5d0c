-- One summary row (operation '') per call frame, and one row per frame and opcode.

CREATE TABLE IF NOT EXISTS execution_structlog_agg
(
  updated_date_time DateTime COMMENT 'When the row was written, UTC, seconds' CODEC(Delta, LZ4),
  block_number UInt64 COMMENT 'Number of the block' CODEC(Delta, LZ4),
  block_hash LowCardinality(FixedString(66)) COMMENT 'Hash of the block, 0x + lower-case hex' CODEC(LZ4),
  transaction_hash LowCardinality(FixedString(66)) COMMENT 'Hash of the transaction, 0x + lower-case hex' CODEC(LZ4),
  transaction_index UInt32 COMMENT 'Position of the transaction in the block, from 0' CODEC(Delta, LZ4),
  call_frame_id UInt32 COMMENT 'Number of the call frame in the transaction, the root is 0; as in execution_structlog' CODEC(Delta, LZ4),
  parent_call_frame_id Nullable(UInt32) COMMENT 'Number of the calling frame; NULL for the root' CODEC(LZ4),
  call_frame_path Array(UInt32) COMMENT 'Numbers of the frames from the root to this one' CODEC(LZ4),
  depth UInt32 COMMENT 'Depth of the frame, the root is 0' CODEC(Delta, LZ4),
  target_address LowCardinality(Nullable(String)) COMMENT 'Address that the frame was called at, 0x + lower-case hex; of the root the transaction''s to, NULL for a creation' CODEC(LZ4),
  call_type LowCardinality(String) COMMENT 'Opcode that opened the frame; empty for the root',
  operation LowCardinality(String) COMMENT 'Opcode by name; empty on the summary row of the frame',
  opcode_count UInt64 COMMENT 'Steps of the frame, or of the opcode in it' CODEC(LZ4),
  error_count UInt64 COMMENT 'Summary row: 1 if the frame halted or reverted; else steps of the opcode that halted' CODEC(LZ4),
  gas UInt64 COMMENT 'Gas of the frame without its callees, or of the opcode itself' CODEC(LZ4),
  gas_cumulative UInt64 COMMENT 'Gas with the callees' CODEC(LZ4),
  min_depth UInt32 COMMENT 'As depth' CODEC(Delta, LZ4),
  max_depth UInt32 COMMENT 'As depth' CODEC(Delta, LZ4),
  gas_refund Nullable(UInt64) COMMENT 'Refund that the transaction was granted, gas; on the root''s summary row, else 0; NULL under an unknown fork, and where the client sends no counter and the calldata floor hides it' CODEC(LZ4),
  intrinsic_gas Nullable(UInt64) COMMENT 'Gas before the first step; on the root''s summary row, else NULL, as without any step under an unknown fork' CODEC(LZ4),
  memory_words_sum_before Nullable(UInt64) COMMENT 'Sum of the memory sizes before each step, words of 32 bytes; NULL without stacks' CODEC(LZ4),
  memory_words_sum_after Nullable(UInt64) COMMENT 'Sum of the memory sizes after each step, words of 32 bytes; NULL without stacks' CODEC(LZ4),
  memory_words_sq_sum_before Nullable(UInt64) COMMENT 'Sum of the squares of the memory sizes before each step, words of 32 bytes squared; NULL without stacks' CODEC(LZ4),
  memory_words_sq_sum_after Nullable(UInt64) COMMENT 'Sum of the squares of the memory sizes after each step, words of 32 bytes squared; NULL without stacks' CODEC(LZ4),
  memory_expansion_gas Nullable(UInt64) COMMENT 'Gas for the growth of memory; NULL without stacks and under an unknown fork' CODEC(LZ4),
  cold_access_count Nullable(UInt64) COMMENT 'Accesses to cold addresses and slots (EIP-2929); NULL before Berlin, under an unknown fork and, without stacks, where CALL* or EXTCODECOPY ran' CODEC(LZ4),
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  attempt_id UInt64 COMMENT 'Stream of the block that the row came with; canonical if the ledger names it' CODEC(LZ4)
)
ENGINE = MergeTree
PARTITION BY (meta_network_name, intDiv(block_number, 201600))
ORDER BY (meta_network_name, block_number, attempt_id, transaction_index, call_frame_id, operation)
SETTINGS non_replicated_deduplication_window = 10000, min_bytes_for_wide_part = 67108864
COMMENT 'One summary row per call frame and one row per frame and opcode, of every attempt. Read canonical_execution_transaction_structlog_agg.';

-- A join and not IN, as in canonical_execution_transaction_structlog.
CREATE VIEW IF NOT EXISTS canonical_execution_transaction_structlog_agg
(
  updated_date_time DateTime COMMENT 'When the row was written, UTC, seconds',
  block_number UInt64 COMMENT 'Number of the block',
  block_hash FixedString(66) COMMENT 'Hash of the block, 0x + lower-case hex',
  transaction_hash FixedString(66) COMMENT 'Hash of the transaction, 0x + lower-case hex',
  transaction_index UInt32 COMMENT 'Position of the transaction in the block, from 0',
  call_frame_id UInt32 COMMENT 'Number of the call frame in the transaction, the root is 0; as in execution_structlog',
  parent_call_frame_id Nullable(UInt32) COMMENT 'Number of the calling frame; NULL for the root',
  call_frame_path Array(UInt32) COMMENT 'Numbers of the frames from the root to this one',
  depth UInt32 COMMENT 'Depth of the frame, the root is 0',
  target_address Nullable(String) COMMENT 'Address that the frame was called at, 0x + lower-case hex; of the root the transaction''s to, NULL for a creation',
  call_type LowCardinality(String) COMMENT 'Opcode that opened the frame; empty for the root',
  operation LowCardinality(String) COMMENT 'Opcode by name; empty on the summary row of the frame',
  opcode_count UInt64 COMMENT 'Steps of the frame, or of the opcode in it',
  error_count UInt64 COMMENT 'Summary row: 1 if the frame halted or reverted; else steps of the opcode that halted',
  gas UInt64 COMMENT 'Gas of the frame without its callees, or of the opcode itself',
  gas_cumulative UInt64 COMMENT 'Gas with the callees',
  min_depth UInt32 COMMENT 'As depth',
  max_depth UInt32 COMMENT 'As depth',
  gas_refund Nullable(UInt64) COMMENT 'Refund that the transaction was granted, gas; on the root''s summary row, else 0; NULL under an unknown fork, and where the client sends no counter and the calldata floor hides it',
  intrinsic_gas Nullable(UInt64) COMMENT 'Gas before the first step; on the root''s summary row, else NULL, as without any step under an unknown fork',
  memory_words_sum_before Nullable(UInt64) COMMENT 'Sum of the memory sizes before each step, words of 32 bytes; NULL without stacks',
  memory_words_sum_after Nullable(UInt64) COMMENT 'Sum of the memory sizes after each step, words of 32 bytes; NULL without stacks',
  memory_words_sq_sum_before Nullable(UInt64) COMMENT 'Sum of the squares of the memory sizes before each step, words of 32 bytes squared; NULL without stacks',
  memory_words_sq_sum_after Nullable(UInt64) COMMENT 'Sum of the squares of the memory sizes after each step, words of 32 bytes squared; NULL without stacks',
  memory_expansion_gas Nullable(UInt64) COMMENT 'Gas for the growth of memory; NULL without stacks and under an unknown fork',
  cold_access_count Nullable(UInt64) COMMENT 'Accesses to cold addresses and slots (EIP-2929); NULL before Berlin, under an unknown fork and, without stacks, where CALL* or EXTCODECOPY ran',
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network'
)
AS SELECT
  updated_date_time, block_number, block_hash, transaction_hash, transaction_index, call_frame_id,
  parent_call_frame_id, call_frame_path, depth, target_address, call_type, operation, opcode_count,
  error_count, gas, gas_cumulative, min_depth, max_depth, gas_refund, intrinsic_gas, memory_words_sum_before,
  memory_words_sum_after, memory_words_sq_sum_before, memory_words_sq_sum_after, memory_expansion_gas,
  cold_access_count, meta_network_name
FROM execution_structlog_agg
INNER JOIN
(
  SELECT meta_network_name, block_number, attempt_id
  FROM execution_block FINAL
  WHERE processor = 'structlog_agg' AND status = 'complete'
) AS canonical USING (meta_network_name, block_number, attempt_id)
COMMENT 'Rows of execution_structlog_agg that the ledger calls canonical: one complete attempt per block.';
