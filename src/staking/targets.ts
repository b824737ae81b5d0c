import type { CallTarget } from "../client/temporal-call.ts";
import type { Hex } from "../domain/chain.ts";
import { stakeWorkflowIds } from "../workflows/staking/messages.ts";

/** Whom a call to a request is about. */
export function requestTarget(requestId: string): CallTarget {
  return { workflowId: requestId, startCommand: "npm run client -- stake submit" };
}

/** The workflow that gives out the nonces of an account. */
export type SignerName = { readonly chainId: number; readonly address: Hex };

/** Whom a call to a signer is about. */
export function signerTarget({ chainId, address }: SignerName): CallTarget {
  return {
    workflowId: stakeWorkflowIds.signer(chainId, address),
    startCommand: "npm run client -- signer start",
  };
}
