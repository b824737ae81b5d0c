-- How far gap-fill has got with counting again what was counted when it was stored.
CREATE TABLE IF NOT EXISTS execution_recount
(
  meta_network_name LowCardinality(String) COMMENT 'Name of the network, bound to one chain in execution_network',
  processor LowCardinality(String) COMMENT 'Whose rows were counted: structlog, structlog_agg or transaction',
  bucket UInt64 COMMENT 'Which 1,000 blocks: block_number / 1000' CODEC(DoubleDelta, ZSTD(1)),
  versions UInt64 COMMENT 'Complete ledger rows of the bucket when it was counted, older versions included, count' CODEC(ZSTD(1)),
  attempts_sum UInt64 COMMENT 'Sum of their attempt_id, modulo 2^64: if it differs now, the count is of other rows' CODEC(ZSTD(1)),
  row_count UInt64 COMMENT 'Rows of data that the ledger promised there, count' CODEC(ZSTD(1)),
  miscounted UInt64 COMMENT 'Blocks of which other rows stood than promised, count; they were traced again' CODEC(ZSTD(1)),
  counted_at DateTime64(3) COMMENT 'When the counting began, UTC, milliseconds' CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(counted_at)
ORDER BY (meta_network_name, processor, bucket)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'When the stored rows of each 1,000 blocks were last counted again. Read it with FINAL.';
