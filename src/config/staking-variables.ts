import { type SettingVariable, setting } from "./setting-variable.ts";

/**
 * Settings of the staking service. The names without STAKING_ are the reference processor's, so that its environment
 * works as it is; docs/staking.md says what each means here.
 */
export const stakingVariables: readonly SettingVariable[] = [
  setting("STAKING_CHAIN_ID", "staking.chainId", "number"),
  setting("CHAIN_RPC_URL", "staking.nodes", "nodes"),
  setting("STAKING_ADDRESS", "staking.contractAddress"),
  setting("STAKING_SIGNER_ADDRESS", "staking.signer.address"),
  setting("PROCESSOR_MNEMONIC", "staking.signer.mnemonic"),
  setting("PROCESSOR_MNEMONIC_FILE", "staking.signer.mnemonicFile"),
  setting("PROCESSOR_PRIVATE_KEY", "staking.signer.privateKey"),
  setting("PROCESSOR_PRIVATE_KEY_FILE", "staking.signer.privateKeyFile"),
  // The reference's spelling first: where both are set, the right one wins.
  setting("CHAIN_MINUMUM_REQUIRED_CONFIRMATIONS", "staking.confirmations", "number"),
  setting("CHAIN_MINIMUM_REQUIRED_CONFIRMATIONS", "staking.confirmations", "number"),
  setting("MAX_FEE_PER_GAS", "staking.policy.maxFeePerGasWei"),
  setting("MAX_PRIORITY_FEE_PER_GAS", "staking.policy.maxPriorityFeePerGasWei"),
  setting("PROCESSOR_MIN_BALANCE", "staking.policy.reserveWei"),
  setting("PROCESSOR_ALERT_BALANCE", "staking.alertBalanceWei"),
  setting("STAKING_MAX_IN_FLIGHT", "staking.policy.maxInFlight", "number"),
  setting("STAKING_QUEUE_LIMIT", "staking.policy.queueLimit", "number"),
  setting("STAKING_BUMP_AFTER_MS", "staking.policy.bumpAfterMs", "number"),
  setting("STAKING_REBROADCAST_AFTER_MS", "staking.policy.rebroadcastAfterMs", "number"),
  setting("STAKING_PER_OWNER_PER_DAY", "staking.policy.perOwnerPerDay", "number"),
  setting("STAKING_REQUEST_LIFETIME_MS", "staking.requestLifetimeMs", "number"),
  setting("REDIS_URL", "staking.redis.url"),
  setting("REDIS_QUEUE_STREAM_KEY", "staking.redis.streamKey"),
  setting("REDIS_QUEUE_APPLICATION_ID", "staking.redis.group"),
  setting("REDIS_QUEUE_CONSUMER_ID", "staking.redis.consumer"),
  setting("REDIS_READ_BLOCK_TIMEOUT", "staking.redis.readBlockMs", "number"),
  setting("STAKING_REDIS_SHADOW", "staking.redis.shadow", "boolean"),
  setting("MAX_NON_ACK_PENDING_MESSAGES", "staking.monitor.maximumUnacknowledged", "number"),
  setting("PROCESSOR_ALERT_TIMESTAMP_STUCK_DURATION", "staking.monitor.stuckAfterMs", "number"),
  setting("PROCESSOR_QUEUE_LISTENER_LOOP_MAX_TIMEOUT", "staking.monitor.loopMaximumMs", "number"),
  setting("STAKING_CODEC_KEYS", "staking.codec.keys", "list"),
  setting("STAKING_CODEC_UI_ORIGIN", "staking.codec.uiOrigin"),
];

/** A variable that is accepted and sets nothing. */
export type IdleVariable = {
  readonly name: string;
  /** What does its job here, in words. */
  readonly instead: string;
};

/** Of the reference, whose one loop pauses for them; nothing here waits for what is away or for the balance. */
export const idleVariables: readonly IdleVariable[] = [
  {
    name: "ERROR_TIMEOUT",
    instead:
      "what fails is tried again by itself, first after 0.2 to 1 s and at the latest after 30 s, and nothing else waits for it",
  },
  {
    name: "BALANCE_TOO_LOW_TIMEOUT",
    instead:
      "a balance that is too low is looked at again within 15 s, and requests are taken meanwhile",
  },
];
