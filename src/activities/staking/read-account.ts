import { cancellationSignal } from "@temporalio/activity";
import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";
import type { StakingChain } from "./ports.ts";

/** The signing account as all nodes see it. Reads only. */
export function createReadAccount({
  chain,
}: {
  readonly chain: StakingChain;
}): StakeActivities["readAccount"] {
  return async function readAccount({ chainId, address }) {
    assertChain(chain, chainId);
    return chain.account(address, cancellationSignal());
  };
}
