// Names of the staking metrics, in one place for the workflows that count and the activities that measure. The exporter
// puts `_total` after counters. Labels: `chain`, and what each says.

/** Set or counted by the signer workflow, with the meter of the workflow SDK (silent during replay). */
export const signerMetrics = {
  /** Gauge: requests that wait for a nonce. */
  queued: "blockloom_stake_queued_requests",
  /** Gauge, seconds: how long the oldest of them waits; 0 where none does. */
  oldestQueued: "blockloom_stake_oldest_queued_seconds",
  /** Gauge: transactions broadcast and not mined. */
  inFlight: "blockloom_stake_in_flight_transactions",
  /** Gauge: the next nonce minus the account's count at `latest`. */
  nonceLag: "blockloom_stake_nonce_lag",
  /** Counter: fee bumps. */
  bumps: "blockloom_stake_bumps",
  /** Counter: broadcasts of bytes that were sent before, which bring back what a pool has dropped. */
  rebroadcasts: "blockloom_stake_rebroadcasts",
  /** Counter: broadcasts of bytes that every pool had dropped. */
  drops: "blockloom_stake_pool_drops",
  /** Counter: blocks with a transaction of ours that left the chain. */
  reorgs: "blockloom_stake_reorgs",
  /** Counter: nonces used by a transaction that is not ours. */
  foreignNonces: "blockloom_stake_foreign_nonces",
  /** Counter: calls that the holder of the key does not sign; their nonces were freed. */
  refusals: "blockloom_stake_signing_refusals",
  /** Counter, label `outcome` (succeeded, reverted, noop): gas used by transactions that became final. */
  gas: "blockloom_stake_gas",
  /** Counter, label `reason`: mined reverts by the code of their reason. */
  reverts: "blockloom_stake_reverts",
  /** Gauge, label `reason` (paused, low_balance, fee_cap, foreign_nonce, node_away): 1 while no nonce is given over it. */
  standsStill: "blockloom_stake_stands_still",
} as const;

/** Set or counted by activities, with the runtime's meter. */
export const stakeActivityMetrics = {
  /** Gauge, label `address`: balance of a signing address in ether. */
  balance: "blockloom_stake_balance_ether",
  /** Counter, labels `state`, `reason`: requests that came to their end. */
  outcomes: "blockloom_stake_outcomes",
  /** Counter, label `result` (started, known, poisoned, postponed): entries of the Redis stream. */
  streamEntries: "blockloom_stake_stream_entries",
  /** Gauge: entries that were delivered and are not acknowledged. */
  streamUnacknowledged: "blockloom_stake_stream_unacknowledged",
  /** Gauge, seconds: age of the oldest of them; 0 where there is none. */
  streamOldest: "blockloom_stake_stream_oldest_seconds",
} as const;
