-- The ledger: what stands of each block, and which attempt's rows are canonical.
-- Partitioned by network alone, so that one INSERT flips all processors and all numbers of a reorg at once.

CREATE TABLE IF NOT EXISTS execution_block
(
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  processor LowCardinality(String) COMMENT 'Whose rows this is about: structlog, structlog_agg or transaction',
  block_number UInt64 COMMENT 'Number of the block' CODEC(DoubleDelta, ZSTD(1)),
  block_hash FixedString(66) COMMENT 'Hash of the block, 0x + lower-case hex; zeros while unknown' CODEC(ZSTD(1)),
  parent_hash FixedString(66) COMMENT 'Hash of its parent, 0x + lower-case hex; zeros while unknown' CODEC(ZSTD(1)),
  attempt_id UInt64 COMMENT 'The attempt whose rows are canonical; 0 unless complete' CODEC(ZSTD(1)),
  status Enum8('retracted' = 0, 'failed' = 1, 'quarantined' = 2, 'complete' = 3) COMMENT 'What stands there, in order of rank; retracted: a reorg took the block away and nothing stands there yet',
  generation UInt32 COMMENT 'Raised by decisions only: a reorg, a count mismatch, a release, a requeue that succeeded' CODEC(ZSTD(1)),
  attempts UInt16 COMMENT 'Tries so far in this generation, count' CODEC(ZSTD(1)),
  version UInt64 COMMENT 'The row with the largest wins; packs generation, rank of status and attempts, never a clock' CODEC(ZSTD(1)),
  next_attempt_at Nullable(DateTime64(3)) COMMENT 'When a failed block is tried again, UTC, milliseconds; NULL if it is not' CODEC(ZSTD(1)),
  error_kind LowCardinality(String) COMMENT 'Why it failed, one word (docs/errors.md); empty if it did not',
  error_message String COMMENT 'Why it failed, for people; holds no secrets' CODEC(ZSTD(1)),
  transaction_count UInt64 COMMENT 'Transactions of the block, count' CODEC(ZSTD(1)),
  structlog_count UInt64 COMMENT 'Steps (opcodes run) of the block, count' CODEC(ZSTD(1)),
  row_count UInt64 COMMENT 'Rows of this processor''s table under attempt_id, count' CODEC(ZSTD(1)),
  proof Enum8('unverified' = 0, 'proven' = 1) COMMENT 'proven: every check passed; unverified: a check could not be made, proof_detail says which',
  proof_detail String COMMENT 'JSON: what was checked, what not and why' CODEC(ZSTD(1)),
  node LowCardinality(String) COMMENT 'Name of the node in the configuration, never its URL',
  client_version LowCardinality(String) COMMENT 'web3_clientVersion of the node',
  decoder_version UInt16 COMMENT 'Raised when the rows of the same trace would differ' CODEC(ZSTD(1)),
  workflow_id String COMMENT 'Temporal workflow that asked' CODEC(ZSTD(1)),
  run_id String COMMENT 'Run of that workflow' CODEC(ZSTD(1)),
  reason String COMMENT 'Why it was asked for, in words' CODEC(ZSTD(1)),
  actor String COMMENT 'Who asked' CODEC(ZSTD(1)),
  duration_ms UInt64 COMMENT 'From the first request to the proof, milliseconds' CODEC(ZSTD(1)),
  trace_bytes UInt64 COMMENT 'Size of the trace as the node sent it, bytes' CODEC(ZSTD(1)),
  updated_at DateTime64(6) DEFAULT now64(6) COMMENT 'When the row was written, UTC, microseconds; for people, never for ordering' CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY meta_network_name
ORDER BY (meta_network_name, processor, block_number)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The ledger: per network, processor and block the row with the largest version says what stands there. Read it with FINAL.';

CREATE TABLE IF NOT EXISTS execution_block_event
(
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  processor LowCardinality(String) COMMENT 'Whose rows this is about: structlog, structlog_agg or transaction',
  block_number UInt64 COMMENT 'Number of the block' CODEC(DoubleDelta, ZSTD(1)),
  block_hash FixedString(66) COMMENT 'Hash of the block, 0x + lower-case hex; zeros while unknown' CODEC(ZSTD(1)),
  parent_hash FixedString(66) COMMENT 'Hash of its parent, 0x + lower-case hex; zeros while unknown' CODEC(ZSTD(1)),
  attempt_id UInt64 COMMENT 'The attempt whose rows were canonical; 0 unless complete' CODEC(ZSTD(1)),
  status Enum8('retracted' = 0, 'failed' = 1, 'quarantined' = 2, 'complete' = 3) COMMENT 'What this version says of the block',
  generation UInt32 COMMENT 'Raised by decisions only: a reorg, a count mismatch, a release, a requeue that succeeded' CODEC(ZSTD(1)),
  attempts UInt16 COMMENT 'Tries so far in this generation, count' CODEC(ZSTD(1)),
  version UInt64 COMMENT 'Version of the ledger row; packs generation, rank of status and attempts' CODEC(ZSTD(1)),
  next_attempt_at Nullable(DateTime64(3)) COMMENT 'When a failed block is tried again, UTC, milliseconds; NULL if it is not' CODEC(ZSTD(1)),
  error_kind LowCardinality(String) COMMENT 'Why it failed, one word (docs/errors.md); empty if it did not',
  error_message String COMMENT 'Why it failed, for people; holds no secrets' CODEC(ZSTD(1)),
  transaction_count UInt64 COMMENT 'Transactions of the block, count' CODEC(ZSTD(1)),
  structlog_count UInt64 COMMENT 'Steps (opcodes run) of the block, count' CODEC(ZSTD(1)),
  row_count UInt64 COMMENT 'Rows of this processor''s table under attempt_id, count' CODEC(ZSTD(1)),
  proof Enum8('unverified' = 0, 'proven' = 1) COMMENT 'proven: every check passed; unverified: a check could not be made, proof_detail says which',
  proof_detail String COMMENT 'JSON: what was checked, what not and why' CODEC(ZSTD(1)),
  node LowCardinality(String) COMMENT 'Name of the node in the configuration, never its URL',
  client_version LowCardinality(String) COMMENT 'web3_clientVersion of the node',
  decoder_version UInt16 COMMENT 'Raised when the rows of the same trace would differ' CODEC(ZSTD(1)),
  workflow_id String COMMENT 'Temporal workflow that asked' CODEC(ZSTD(1)),
  run_id String COMMENT 'Run of that workflow' CODEC(ZSTD(1)),
  reason String COMMENT 'Why it was asked for, in words' CODEC(ZSTD(1)),
  actor String COMMENT 'Who asked' CODEC(ZSTD(1)),
  duration_ms UInt64 COMMENT 'From the first request to the proof, milliseconds' CODEC(ZSTD(1)),
  trace_bytes UInt64 COMMENT 'Size of the trace as the node sent it, bytes' CODEC(ZSTD(1)),
  updated_at DateTime64(6) COMMENT 'When the version was written, UTC, microseconds' CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY meta_network_name
ORDER BY (meta_network_name, processor, block_number, updated_at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every version ever written of every ledger row, append-only: the story of each block.';

-- A view and not a second insert of ours: whoever writes the ledger, by hand too, leaves a trace,
-- and a retry under the same token fills whichever of the two tables is missing.
CREATE MATERIALIZED VIEW IF NOT EXISTS execution_block_event_mv TO execution_block_event
COMMENT 'Copies every row written to execution_block into execution_block_event.'
AS SELECT * FROM execution_block;

CREATE TABLE IF NOT EXISTS execution_range
(
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  processor LowCardinality(String) COMMENT 'Whose rows are expected: structlog, structlog_agg or transaction',
  from_block UInt64 COMMENT 'First block expected' CODEC(ZSTD(1)),
  to_block Nullable(UInt64) COMMENT 'Last block expected; NULL while open: up to the highest block of the ledger' CODEC(ZSTD(1)),
  origin Enum8('follow' = 1, 'backfill' = 2) COMMENT 'Kind of job that expects the range',
  workflow_id String COMMENT 'Temporal workflow of that job' CODEC(ZSTD(1)),
  state Enum8('running' = 1, 'done' = 2, 'abandoned' = 3) COMMENT 'What became of the job; the range stays expected in any case',
  updated_at DateTime64(6) DEFAULT now64(6) COMMENT 'When the row was written, UTC, microseconds; the latest wins, each row has one writer' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (meta_network_name, processor, workflow_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Ranges of blocks that must be complete: what coverage is measured against. Read it with FINAL.';

CREATE TABLE IF NOT EXISTS execution_network
(
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, as in the configuration',
  chain_id UInt64 COMMENT 'eth_chainId of its chain',
  genesis_hash FixedString(66) COMMENT 'Hash of block 0 of its chain, 0x + lower-case hex',
  finalized_block SimpleAggregateFunction(max, Nullable(UInt64)) COMMENT 'Number of the highest block ever seen finalized; never sinks; NULL before the first',
  bound_at SimpleAggregateFunction(min, DateTime64(6)) DEFAULT now64(6) COMMENT 'When the name was first used, UTC, microseconds; the earliest binding holds'
)
ENGINE = AggregatingMergeTree
ORDER BY (meta_network_name, chain_id, genesis_hash)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The chain behind each network name, bound at first use, and its finality. Read it with FINAL.';
