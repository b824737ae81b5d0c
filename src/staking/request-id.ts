import { keccak256 } from "viem";
import type { StakeCall } from "../domain/staking/stake-call.ts";
import { stakeWorkflowIds } from "../workflows/staking/messages.ts";

/** The id of a call's request, the same for whoever hands it in: the contract's own key against replays, hashed once. */
export function requestIdOf(chainId: number, { signature }: Pick<StakeCall, "signature">): string {
  return stakeWorkflowIds.request(chainId, keccak256(signature));
}
