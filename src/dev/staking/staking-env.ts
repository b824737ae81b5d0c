import { randomBytes } from "node:crypto";
import type { StakingVariables } from "../data-folder.ts";

/** Variables that turn the staking service of a worker, server or client on; the key is none of them. */
export function stakingEnv(service: {
  readonly rpcUrl: string;
  readonly stakingAddress: string;
  readonly signer: string;
  readonly codecKey: string;
}): StakingVariables {
  return {
    CHAIN_RPC_URL: service.rpcUrl,
    STAKING_ADDRESS: service.stakingAddress,
    STAKING_SIGNER_ADDRESS: service.signer,
    STAKING_CODEC_KEYS: service.codecKey,
  };
}

/** `id:key` for STAKING_CODEC_KEYS, a new one each time. */
export function newCodecKey(id = "dev"): string {
  return `${id}:${randomBytes(32).toString("base64")}`;
}
