import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

/** Sends recorded bytes to every node; repeatable for ever, because the bytes are fixed and a nonce is used once. */
export function createBroadcastTransactions({
  chain,
}: {
  readonly chain: StakingChain;
}): StakeActivities["broadcastTransactions"] {
  return async function broadcastTransactions({ chainId, address, items }) {
    assertChain(chain, chainId);
    const results = await chain.broadcast(items, address);
    return {
      items: items.map(({ nonce, hash }, at) => ({
        nonce,
        hash,
        result: results[at] ?? "not_taken",
      })),
    };
  };
}
