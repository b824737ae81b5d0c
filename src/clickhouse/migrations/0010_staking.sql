-- Where staking requests stood, and what was sent for them. Both are append-only: what counts is told by what the rows
-- say, never by when they were written.
CREATE TABLE IF NOT EXISTS stake_request
(
  chain_id UInt64 COMMENT 'Chain id (EIP-155)' CODEC(ZSTD(1)),
  request_id String COMMENT 'stake/<chain id>/<keccak256 of the signature>, or stream/<chain id>/<entry id> of a stream entry that no request could be made of' CODEC(ZSTD(1)),
  kind LowCardinality(String) COMMENT 'stake, restake, or unknown for a stream entry that does not say',
  owner Nullable(FixedString(42)) COMMENT 'Whose stake it is, 0x + lower-case hex; NULL where a stream entry does not say' CODEC(ZSTD(1)),
  target Nullable(UInt128) COMMENT 'NFT id (uint96) of the (new) bundle; NULL where a stream entry does not say' CODEC(ZSTD(1)),
  state Enum8('checking' = 1, 'waiting' = 2, 'queued' = 3, 'broadcast' = 4, 'mined' = 5, 'succeeded' = 6, 'fulfilled_externally' = 7, 'signature_burned' = 8, 'refused' = 9, 'reverted' = 10, 'expired' = 11, 'cancelled' = 12, 'failed' = 13)
    COMMENT 'Where it stood; from succeeded on it is final',
  is_final Bool COMMENT 'Whether this run of the request is at its end',
  reason_code LowCardinality(String) COMMENT 'Why it waits or ended so, a word for programs; empty where there is no reason',
  reason_message String COMMENT 'The same as a sentence; empty where there is no reason' CODEC(ZSTD(1)),
  nonce Nullable(UInt64) COMMENT 'Nonce of its transaction; NULL while it has none' CODEC(ZSTD(1)),
  transaction_hash Nullable(FixedString(66)) COMMENT 'Hash of the newest broadcast, at the end of the one that counts, 0x + lower-case hex' CODEC(ZSTD(1)),
  transaction_block Nullable(UInt64) COMMENT 'Number of the block that holds it; NULL until it is mined' CODEC(ZSTD(1)),
  gas_used Nullable(UInt64) COMMENT 'Gas used, from the receipt; NULL until it is mined' CODEC(ZSTD(1)),
  stake_id Nullable(UInt128) COMMENT 'NFT id of the stake that came of it; NULL where none did' CODEC(ZSTD(1)),
  source LowCardinality(String) COMMENT 'Way in: api, client or bridge',
  actor String COMMENT 'Who asked' CODEC(ZSTD(1)),
  received_at DateTime64(3) COMMENT 'When this run of the request was asked for, UTC, milliseconds' CODEC(ZSTD(1)),
  expires_at DateTime64(3) COMMENT 'After this nothing is broadcast for it, UTC, milliseconds' CODEC(ZSTD(1)),
  updated_at DateTime64(3) COMMENT 'When it came to stand so, by the workflow, UTC, milliseconds' CODEC(ZSTD(1)),
  recorded_at DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was written, UTC, milliseconds; decides nothing' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY chain_id
ORDER BY (chain_id, request_id, received_at, updated_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Where each staking request stood, a row a change. Kept when Temporal has forgotten it. Holds no signature.';

CREATE TABLE IF NOT EXISTS stake_transaction
(
  chain_id UInt64 COMMENT 'Chain id (EIP-155)' CODEC(ZSTD(1)),
  signer FixedString(42) COMMENT 'The address that signed and pays, 0x + lower-case hex' CODEC(ZSTD(1)),
  nonce UInt64 COMMENT 'Nonce of the transaction' CODEC(ZSTD(1)),
  attempt UInt32 COMMENT 'Which transaction of this nonce, from 1; later ones pay more' CODEC(ZSTD(1)),
  state Enum8('broadcast' = 1, 'mined' = 2, 'replaced' = 3, 'final' = 4)
    COMMENT 'What had become of it; replaced: another transaction of its nonce is final',
  kind Enum8('call' = 1, 'noop' = 2) COMMENT 'call: a request; noop: a transfer of nothing to itself that uses up an abandoned nonce',
  request_id String COMMENT 'The request it was sent for; empty for a noop' CODEC(ZSTD(1)),
  hash FixedString(66) COMMENT 'Hash of the transaction, 0x + lower-case hex' CODEC(ZSTD(1)),
  raw String COMMENT 'The signed transaction (EIP-2718), 0x + lower-case hex; whoever has it can send it. Holds the user''s signature, public since the broadcast; empty (0x) for an attempt that another one has replaced' CODEC(ZSTD(3)),
  max_fee_per_gas UInt256 COMMENT 'Highest total fee, wei per gas' CODEC(ZSTD(1)),
  max_priority_fee_per_gas UInt256 COMMENT 'Highest priority fee, wei per gas' CODEC(ZSTD(1)),
  gas_limit UInt64 COMMENT 'Gas limit, not the gas used' CODEC(ZSTD(1)),
  block_number Nullable(UInt64) COMMENT 'Number of the block that holds it; NULL until it is mined' CODEC(ZSTD(1)),
  gas_used Nullable(UInt64) COMMENT 'Gas used, from the receipt; NULL until it is mined' CODEC(ZSTD(1)),
  recorded_at DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was written, UTC, milliseconds; decides nothing' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY chain_id
ORDER BY (chain_id, signer, nonce, attempt, state)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every transaction that was sent for staking requests, a row a state: from its first broadcast on, and what became of it.';
