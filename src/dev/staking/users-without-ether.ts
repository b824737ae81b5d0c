import { keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { callNode } from "../json-rpc.ts";
import type { StakingDeployment } from "./deploy-contracts.ts";
import { createTestUser, type TestUser } from "./test-user.ts";

const oneEther = "0xde0b6b3a7640000";

/**
 * Users with DIP that the staking contract may take, and not a wei of ether; the same names are the same users.
 * Needs an anvil that mines at once.
 * @param dipAmount - of each, in DIP's smallest unit.
 */
export async function createUsersWithoutEther(
  deployment: StakingDeployment,
  names: readonly string[],
  dipAmount: bigint,
): Promise<TestUser[]> {
  const users = names.map((name) =>
    createTestUser(privateKeyToAccount(keccak256(toHex(`user ${name}`))), deployment),
  );
  for (const { address } of users) await fundUser(deployment, address, dipAmount);
  return users;
}

/** Gives a user more DIP and lets the staking contract take so much; afterwards the user has no ether. */
export async function fundUser(
  deployment: StakingDeployment,
  address: TestUser["address"],
  dipAmount: bigint,
): Promise<void> {
  const { url } = deployment;
  await deployment.giveDip(address, dipAmount);
  await callNode(url, "anvil_impersonateAccount", [address]);
  await callNode(url, "anvil_setBalance", [address, oneEther]);
  await deployment.approveDip(address, dipAmount);
  await callNode(url, "anvil_setBalance", [address, "0x0"]);
  await callNode(url, "anvil_stopImpersonatingAccount", [address]);
}
