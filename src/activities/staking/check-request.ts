import { cancellationSignal } from "@temporalio/activity";
import type { CheckVerdict } from "../../domain/staking/stake-call.ts";
import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

/** Looks at one request as the chain stands now: signature, owner, used or not, simulation. Reads only. */
export function createCheckRequest({
  chain,
}: {
  readonly chain: StakingChain;
}): StakeActivities["checkRequest"] {
  return async function checkRequest({ chainId, call, signer }): Promise<CheckVerdict> {
    assertChain(chain, chainId);
    const [verdict] = await chain.checkCalls([call], signer, cancellationSignal());
    if (verdict === undefined) throw new RangeError("no verdict for the request");
    return verdict;
  };
}
