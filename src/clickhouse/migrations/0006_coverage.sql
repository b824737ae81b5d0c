-- Coverage of tens of millions of blocks from some ten thousand groups. A projection lies in the part whose rows it
-- counts, so that it can neither be late nor stand for rows that are not there; a merge that drops old versions makes
-- it anew. It counts versions, not blocks: where a block has several, the lowest and highest version tell which rows
-- stand, and coverage asks only those buckets with FINAL of which they do not. Its reader is src/clickhouse/buckets.ts.
ALTER TABLE execution_block MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

ALTER TABLE execution_block ADD PROJECTION IF NOT EXISTS coverage_bucket
(
  SELECT
    meta_network_name, processor, intDiv(block_number, 1000), status, proof,
    count(), min(block_number), max(block_number), groupBitmap(toUInt16(block_number % 1000)),
    min(version), max(version), sum(transaction_count), sum(row_count), sum(attempt_id), max(updated_at)
  GROUP BY meta_network_name, processor, intDiv(block_number, 1000), status, proof
);

ALTER TABLE execution_block MATERIALIZE PROJECTION coverage_bucket;
