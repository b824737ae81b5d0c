import type { Hex } from "../../domain/chain.ts";
import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import { assertChain } from "./assert-chain.ts";

/** Starts the signer's workflow where none runs, with the policy of this worker's configuration. Repeatable. */
export function createEnsureSigner({
  chainId,
  startSigner,
}: {
  readonly chainId: number;
  readonly startSigner: (address: Hex) => Promise<unknown>;
}): StakeActivities["ensureSigner"] {
  return async function ensureSigner(input) {
    assertChain({ chainId }, input.chainId);
    await startSigner(input.address);
  };
}
