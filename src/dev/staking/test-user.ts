import { randomBytes } from "node:crypto";
import { type HDAccount, mnemonicToAccount, type PrivateKeyAccount } from "viem/accounts";
import type { StakeCall } from "../../domain/staking/stake-call.ts";
import { toTypedData, type UnsignedCall } from "../../staking/typed-data.ts";
import { anvilMnemonic, chainId } from "../anvil.ts";
import { toBytes32 } from "./deploy-contracts.ts";

type Hex = `0x${string}`;

/** Somebody who signs requests as the reference's UI does. */
export type TestUser = {
  /** Lower case. */
  readonly address: Hex;
  /** @param request.signatureId - a text; default: a new one. */
  readonly signStake: (request: {
    readonly target: string;
    readonly dipAmount: bigint;
    readonly signatureId?: string;
  }) => Promise<StakeCall>;
  readonly signRestake: (request: {
    readonly stakeId: string;
    readonly target: string;
    readonly signatureId?: string;
  }) => Promise<StakeCall>;
};

/** @param account - index of anvil's mnemonic, or an account of one's own. */
export function createTestUser(
  account: number | HDAccount | PrivateKeyAccount,
  { messageHelperAddress }: { readonly messageHelperAddress: Hex },
): TestUser {
  const signer =
    typeof account === "number"
      ? mnemonicToAccount(anvilMnemonic, { addressIndex: account })
      : account;
  const address: Hex = `0x${signer.address.slice(2).toLowerCase()}`;
  const sign = async (call: UnsignedCall): Promise<StakeCall> => {
    const domain = { chainId, messageHelper: messageHelperAddress };
    const signature = await signer.signTypedData(toTypedData(call, domain));
    return { ...call, owner: address, signature };
  };
  return {
    address,
    signStake: ({ target, dipAmount, signatureId = newSignatureId() }) =>
      sign({
        kind: "stake",
        target,
        dipAmount: dipAmount.toString(),
        signatureId: toBytes32(signatureId),
      }),
    signRestake: ({ stakeId, target, signatureId = newSignatureId() }) =>
      sign({
        kind: "restake",
        stakeId,
        target,
        signatureId: toBytes32(signatureId),
      }),
  };
}

/** 21 characters of nanoid's alphabet, as the UI draws them. */
export function newSignatureId(): string {
  return randomBytes(16).toString("base64url").slice(0, 21);
}
