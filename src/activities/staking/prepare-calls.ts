import { cancellationSignal } from "@temporalio/activity";
import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

/** The last look before nonces are given: the account, and each request anew. Reads only. */
export function createPrepareCalls({
  chain,
}: {
  readonly chain: StakingChain;
}): StakeActivities["prepareCalls"] {
  return async function prepareCalls({ chainId, address, items }) {
    assertChain(chain, chainId);
    const signal = cancellationSignal();
    const calls = items.map(({ call }) => call);
    const [account, verdicts] = await Promise.all([
      chain.account(address, signal),
      chain.checkCalls(calls, address, signal),
    ]);
    return {
      account,
      items: items.map(({ requestId }, at) => {
        const verdict = verdicts[at];
        if (verdict === undefined) throw new RangeError("no verdict for a request");
        return { requestId, verdict };
      }),
    };
  };
}
