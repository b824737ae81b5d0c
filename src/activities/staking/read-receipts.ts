import { cancellationSignal } from "@temporalio/activity";
import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

/** What was mined of each nonce, by any of its hashes, and why it reverted where it did. Reads only. */
export function createReadReceipts({
  chain,
}: {
  readonly chain: StakingChain;
}): StakeActivities["readReceipts"] {
  return async function readReceipts({ chainId, items }) {
    assertChain(chain, chainId);
    const receipts = await chain.receipts(items, cancellationSignal());
    return { items: items.map(({ nonce }, at) => ({ nonce, receipt: receipts[at] ?? null })) };
  };
}
