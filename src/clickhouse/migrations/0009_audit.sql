-- What `audit` found: one summary per block and processor, and a row for each difference.
CREATE TABLE IF NOT EXISTS execution_audit
(
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  processor LowCardinality(String) COMMENT 'Whose rows were compared: structlog, structlog_agg or transaction',
  block_number UInt64 COMMENT 'Number of the block' CODEC(ZSTD(1)),
  block_hash FixedString(66) COMMENT 'Hash of the block as it was stored, 0x + lower-case hex' CODEC(ZSTD(1)),
  attempt_id UInt64 COMMENT 'The stored attempt that was compared' CODEC(ZSTD(1)),
  audit_id String COMMENT 'Which audit: all rows of one run of the command share it' CODEC(ZSTD(1)),
  kind Enum8('equal' = 0, 'differs' = 1, 'not_compared' = 2, 'value' = 3, 'only_stored' = 4, 'only_traced' = 5)
    COMMENT 'equal, differs, not_compared: the outcome for the block; value: one value differs; only_stored, only_traced: a row that the other side lacks',
  row String COMMENT 'Which row differs, by its key; empty on outcomes' CODEC(ZSTD(1)),
  column LowCardinality(String) COMMENT 'Column that differs; empty where a whole row does, and on outcomes',
  stored Nullable(String) COMMENT 'What was stored; NULL stands for NULL' CODEC(ZSTD(1)),
  traced Nullable(String) COMMENT 'What the new trace gives; NULL stands for NULL' CODEC(ZSTD(1)),
  rows_compared UInt64 COMMENT 'Rows of the new trace that were compared, count; 0 on differences' CODEC(ZSTD(1)),
  differences UInt64 COMMENT 'Differences found in the block, count; at most 100 of them are stored' CODEC(ZSTD(1)),
  reason String COMMENT 'Why a block was not compared, in words' CODEC(ZSTD(1)),
  node LowCardinality(String) COMMENT 'Name of the node that traced again, never its URL',
  client_version LowCardinality(String) COMMENT 'web3_clientVersion of that node',
  actor String COMMENT 'Who asked' CODEC(ZSTD(1)),
  audited_at DateTime64(3) DEFAULT now64(3) COMMENT 'When it was compared, UTC, milliseconds' CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY meta_network_name
ORDER BY (meta_network_name, processor, block_number, audited_at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What audits found: samples of blocks traced again and compared row by row with what is stored.';
