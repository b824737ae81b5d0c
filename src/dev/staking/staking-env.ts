import { randomBytes } from "node:crypto";

/** Variables that turn a worker's or server's staking service on. */
export function stakingEnv(service: {
  readonly rpcUrl: string;
  readonly stakingAddress: string;
  readonly codecKey: string;
}): Record<string, string> {
  return {
    CHAIN_RPC_URL: service.rpcUrl,
    STAKING_ADDRESS: service.stakingAddress,
    STAKING_CODEC_KEYS: service.codecKey,
  };
}

/** `id:key` for STAKING_CODEC_KEYS, a new one each time. */
export function newCodecKey(id = "dev"): string {
  return `${id}:${randomBytes(32).toString("base64")}`;
}
