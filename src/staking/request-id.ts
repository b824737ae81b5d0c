import { keccak256 } from "viem";
import type { StakeCall } from "../domain/staking/stake-call.ts";
import { stakeWorkflowIds } from "../workflows/staking/messages.ts";

/** The id of a call's request, the same for whoever hands it in: the contract's own key against replays, hashed once. */
export function requestIdOf(chainId: number, { signature }: Pick<StakeCall, "signature">): string {
  return stakeWorkflowIds.request(chainId, keccak256(signature));
}

/** The parts of a request's id; undefined for text that is none. */
export function parseRequestId(
  text: string,
): { readonly chainId: number; readonly requestId: string } | undefined {
  const [, chainId, hash] = /^stake\/(\d{1,15})\/(0x[0-9a-f]{64})$/.exec(text) ?? [];
  return chainId === undefined || hash === undefined
    ? undefined
    : { chainId: Number(chainId), requestId: text };
}
