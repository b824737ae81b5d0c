import type { TypedDataDefinition } from "viem";
import type { Hex } from "../domain/chain.ts";
import type { StakeCall } from "../domain/staking/stake-call.ts";

/** Where signatures count: the helper verifies them, not the staking contract. */
export type SignatureDomain = { readonly chainId: number; readonly messageHelper: Hex };

const types = {
  Stake: [
    { name: "target", type: "uint96" },
    { name: "dipAmount", type: "uint256" },
    { name: "signatureId", type: "bytes32" },
  ],
  Restake: [
    { name: "stakeId", type: "uint96" },
    { name: "newTarget", type: "uint96" },
    { name: "signatureId", type: "bytes32" },
  ],
} as const;

/** What its user signs of a call: the rest of it. */
export type UnsignedCall = StakeCall extends infer Call
  ? Call extends StakeCall
    ? Omit<Call, "owner" | "signature">
    : never
  : never;

/** The EIP-712 message of a call; its owner is in neither struct. */
export function toTypedData(
  call: UnsignedCall,
  { chainId, messageHelper }: SignatureDomain,
): TypedDataDefinition {
  const domain = {
    name: "EtheriscStaking",
    version: "1",
    chainId,
    verifyingContract: messageHelper,
  };
  const { signatureId } = call;
  const target = BigInt(call.target);
  if (call.kind === "stake") {
    const message = { target, dipAmount: BigInt(call.dipAmount), signatureId };
    return { domain, types, primaryType: "Stake", message };
  }
  const message = { stakeId: BigInt(call.stakeId), newTarget: target, signatureId };
  return { domain, types, primaryType: "Restake", message };
}
