-- How far rows that were written above finality have been compared once more, now that finality has passed them.

ALTER TABLE execution_network
  ADD COLUMN IF NOT EXISTS swept_block SimpleAggregateFunction(max, Nullable(UInt64))
    COMMENT 'All stored blocks up to this number were compared with the final chain, or were final when they were written; never sinks; NULL before the first sweep'
    AFTER finalized_block;
