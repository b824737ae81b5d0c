import type { Hex } from "../../domain/chain.ts";
import type { Sending, StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

type SendingChain = Pick<StakingChain, "chainId" | "missing" | "broadcast">;

/** Sends recorded bytes to every node; repeatable for ever, because the bytes are fixed and a nonce is used once. */
export function createBroadcastTransactions({
  chain,
}: {
  readonly chain: SendingChain;
}): StakeActivities["broadcastTransactions"] {
  return async function broadcastTransactions({ chainId, address, items }) {
    assertChain(chain, chainId);
    const gone = await findGone(chain, items);
    const results = await chain.broadcast(items, address);
    return {
      items: items.map(({ nonce, hash }, at) => ({
        nonce,
        hash,
        result: results[at] ?? "not_taken",
        ...(gone.has(hash) && { wasGone: true }),
      })),
    };
  };
}

/** What the pools have dropped since it was sent. It is only counted: a look that fails holds nothing up. */
async function findGone(chain: SendingChain, items: readonly Sending[]): Promise<ReadonlySet<Hex>> {
  const hashes = items.flatMap(({ hash, wasKnown }) => (wasKnown ? [hash] : []));
  if (hashes.length === 0) return new Set();
  const missing = await chain.missing(hashes).catch(() => []);
  return new Set(hashes.filter((_, at) => missing[at] === true));
}
