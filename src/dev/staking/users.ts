import { keccak256, toHex } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { chainId } from "../anvil.ts";
import { callNode } from "../json-rpc.ts";
import { type StakingDeployment, toBytes32 } from "./deploy-contracts.ts";

type Hex = `0x${string}`;

/** What the UI's user signs, as its server takes it. */
export type SignedStake = {
  readonly kind: "stake";
  readonly owner: Hex;
  readonly target: string;
  readonly dipAmount: string;
  readonly signatureId: Hex;
  readonly signature: Hex;
};
export type SignedRestake = {
  readonly kind: "restake";
  readonly owner: Hex;
  readonly stakeId: string;
  readonly target: string;
  readonly signatureId: Hex;
  readonly signature: Hex;
};

/** A user with DIP and without ether, who signs and never sends. */
export type StakingUser = {
  /** Lower case. */
  readonly address: Hex;
  readonly stake: (target: string, dipAmount: bigint, signatureId?: string) => Promise<SignedStake>;
  readonly restake: (
    stakeId: string,
    target: string,
    signatureId?: string,
  ) => Promise<SignedRestake>;
};

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

/** @param name - the same name is the same user. */
export function openUser(name: string, { messageHelperAddress }: StakingDeployment): StakingUser {
  const account = privateKeyToAccount(keccak256(toHex(`user ${name}`)));
  const owner = lowerCase(account.address);
  let signed = 0;
  const nextId = () => toBytes32(`${name}-${(signed += 1)}`.slice(0, 31));
  return {
    address: owner,
    stake: async (target, dipAmount, signatureId) => {
      const id = signatureId === undefined ? nextId() : toBytes32(signatureId);
      const message = { target: BigInt(target), dipAmount, signatureId: id };
      const signature = await signAs(account, messageHelperAddress, "Stake", message);
      const fields = { target, dipAmount: String(dipAmount), signatureId: id };
      return { kind: "stake", owner, ...fields, signature };
    },
    restake: async (stakeId, target, signatureId) => {
      const id = signatureId === undefined ? nextId() : toBytes32(signatureId);
      const message = { stakeId: BigInt(stakeId), newTarget: BigInt(target), signatureId: id };
      const signature = await signAs(account, messageHelperAddress, "Restake", message);
      return { kind: "restake", owner, stakeId, target, signatureId: id, signature };
    },
  };
}

function signAs(
  account: PrivateKeyAccount,
  verifyingContract: Hex,
  primaryType: keyof typeof types,
  message: Readonly<Record<string, unknown>>,
): Promise<Hex> {
  const domain = { name: "EtheriscStaking", version: "1", chainId, verifyingContract };
  return account.signTypedData({ domain, types, primaryType, message });
}

/** Gives users DIP that the staking contract may take; none of them has ether afterwards. Needs a chain that mines at once. */
export async function fundUsers(
  deployment: StakingDeployment,
  users: readonly StakingUser[],
  dipAmount: bigint,
): Promise<void> {
  const { url } = deployment;
  for (const { address } of users) {
    await deployment.giveDip(address, dipAmount);
    await callNode(url, "anvil_impersonateAccount", [address]);
    await callNode(url, "anvil_setBalance", [address, "0xde0b6b3a7640000"]);
    await deployment.approveDip(address, dipAmount);
    await callNode(url, "anvil_setBalance", [address, "0x0"]);
    await callNode(url, "anvil_stopImpersonatingAccount", [address]);
  }
}

function lowerCase(address: string): Hex {
  return `0x${address.slice(2).toLowerCase()}`;
}
