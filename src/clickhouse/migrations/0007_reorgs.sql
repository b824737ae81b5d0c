-- A reorg is one ledger insert that takes complete blocks off their hash. Neighbours are compared in the order of
-- versions, which no clock disturbs; only blocks about which something was ever decided are looked at.
CREATE VIEW IF NOT EXISTS reorgs
(
  meta_network_name String COMMENT 'Name of the network',
  reorged_at DateTime64(6) COMMENT 'When the ledger moved to the other branch, UTC, microseconds',
  depth UInt64 COMMENT 'Blocks from the first to the last that left the chain, count',
  first_block UInt64 COMMENT 'Lowest stored block that left the chain; the block below it is on both branches',
  last_block UInt64 COMMENT 'Highest stored block that left the chain',
  block_numbers Array(UInt64) COMMENT 'Blocks that left the chain, ascending',
  old_hashes Array(String) COMMENT 'Their hashes on the branch that was left, 0x + lower-case hex, in the order of block_numbers',
  new_hashes Array(String) COMMENT 'What stood in their place after the move; zeros where the new branch did not reach yet',
  retracted_rows UInt64 COMMENT 'Rows of all processors that stopped being canonical, count; they stay stored',
  retracted_blocks UInt64 COMMENT 'Blocks in whose place nothing stood after the move, count',
  processors Array(String) COMMENT 'Whose rows it was about',
  node String COMMENT 'Node that showed the new branch, by its name in the configuration; empty where only blocks were taken away',
  workflow_id String COMMENT 'Temporal workflow that met the reorg',
  reason String COMMENT 'What that workflow was doing, in words'
)
AS
SELECT
  meta_network_name, reorged_at,
  last_block - first_block + 1 AS depth, min(number) AS first_block, max(number) AS last_block,
  arrayMap(block -> block.1, arraySort(groupArray((number, old_hash, new_hash))) AS blocks) AS block_numbers,
  arrayMap(block -> block.2, blocks) AS old_hashes, arrayMap(block -> block.3, blocks) AS new_hashes,
  sum(rows) AS retracted_rows, countIf(is_retracted) AS retracted_blocks,
  arraySort(arrayDistinct(arrayFlatten(groupArray(block_processors)))) AS processors,
  max(node_name) AS node, any(workflow) AS workflow_id, any(why) AS reason
FROM
(
  SELECT
    meta_network_name, updated_at AS reorged_at, block_number AS number,
    toString(any(previous_hash)) AS old_hash, toString(max(block_hash)) AS new_hash, sum(previous_rows) AS rows,
    max(status) = 'retracted' AS is_retracted, groupArray(toString(processor)) AS block_processors,
    max(toString(execution_block_event.node)) AS node_name, any(execution_block_event.workflow_id) AS workflow,
    any(execution_block_event.reason) AS why
  FROM
  (
    SELECT
      meta_network_name, processor, block_number, block_hash, status, generation, updated_at, node, workflow_id, reason,
      lagInFrame(status) OVER versions AS previous_status, lagInFrame(block_hash) OVER versions AS previous_hash,
      lagInFrame(row_count) OVER versions AS previous_rows, lagInFrame(generation) OVER versions AS previous_generation
    FROM execution_block_event
    WHERE (meta_network_name, processor, block_number) IN
      (SELECT meta_network_name, processor, block_number FROM execution_block_event WHERE generation > 0)
    WINDOW versions AS
    (
      PARTITION BY meta_network_name, processor, block_number ORDER BY version, updated_at
      ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
    )
  ) AS execution_block_event
  WHERE previous_status = 'complete' AND generation > previous_generation AND block_hash != previous_hash
  GROUP BY meta_network_name, updated_at, block_number
)
GROUP BY meta_network_name, reorged_at
COMMENT 'Reorgs that the ledger followed, from its events: one row per move to another branch.';
