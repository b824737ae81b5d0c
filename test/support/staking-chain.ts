import { bytesToHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { anvilMnemonic, chainId } from "../../src/dev/anvil.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import {
  deployStakingContracts,
  type StakingDeployment,
  testAddress,
} from "../../src/dev/staking/deploy-contracts.ts";
import { createTestUser, type TestUser } from "../../src/dev/staking/test-user.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { startAnvil } from "./anvil.ts";

type Hex = `0x${string}`;

/** A fresh anvil with the real contracts, two bundles, a signer with ether and users with DIP. */
export type StakingChain = {
  readonly url: string;
  readonly chainId: number;
  readonly contracts: StakingDeployment;
  /** NFT ids of two bundles that expire in 100 days. */
  readonly targets: readonly [string, string];
  /** Account 2 of anvil's mnemonic, 10,000 ether: sends our transactions. */
  readonly signer: { readonly address: Hex; readonly privateKey: Hex };
  /** Accounts 3, 4, 6: each holds 100,000 DIP and has approved all of it. */
  readonly users: readonly [TestUser, TestUser, TestUser];
  /** Account 5: anyone, without DIP. */
  readonly stranger: TestUser;
  readonly rpc: (method: string, params?: readonly unknown[]) => Promise<unknown>;
  readonly mine: (blocks?: number) => Promise<void>;
  /** Waits for a transaction's receipt: where anvil mines at once, it may still answer a send before its block is there. */
  readonly untilMined: (hash: unknown) => Promise<unknown>;
  /** false: transactions wait in the pool until `mine`. */
  readonly automine: (isOn: boolean) => Promise<void>;
  /** Account with any index of the mnemonic, funded with DIP and allowance. */
  readonly fundedUser: (index: number) => Promise<TestUser>;
  readonly stop: () => Promise<void>;
};

export const oneDip = 10n ** 18n;
const dipOfUser = 100_000n * oneDip;

/** Starts a chain that mines at once, where nothing else is said by `args` (deployment needs that: 0.5 s). */
export async function startStakingChain(
  options: { readonly args?: readonly string[] } = {},
): Promise<StakingChain> {
  const anvil = await startAnvil({ stepsTracing: false, args: options.args ?? [] });
  try {
    const { url } = anvil;
    const contracts = await deployStakingContracts(url);
    const targets = [await contracts.addBundle(), await contracts.addBundle()] as const;
    const fundedUser = async (index: number) => {
      await contracts.giveDip(testAddress(index), dipOfUser);
      await contracts.approveDip(testAddress(index), dipOfUser);
      return createTestUser(index, contracts);
    };
    const rpc: StakingChain["rpc"] = (method, params) => callNode(url, method, params);
    return {
      url,
      chainId,
      contracts,
      targets,
      signer: { address: testAddress(2), privateKey: privateKeyOf(2) },
      users: [await fundedUser(3), await fundedUser(4), await fundedUser(6)],
      stranger: createTestUser(5, contracts),
      rpc,
      mine: async (blocks = 1) => {
        await rpc("anvil_mine", [`0x${blocks.toString(16)}`]);
      },
      untilMined: (hash) =>
        waitUntil(async () => (await rpc("eth_getTransactionReceipt", [hash])) ?? undefined, {
          what: "a transaction to be mined",
          everyMs: 5,
        }),
      automine: async (isOn) => {
        await rpc("evm_setAutomine", [isOn]);
      },
      fundedUser,
      stop: anvil.stop,
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

/** @param index - of anvil's mnemonic. */
export function privateKeyOf(index: number): Hex {
  const key = mnemonicToAccount(anvilMnemonic, { addressIndex: index }).getHdKey().privateKey;
  if (key === null) throw new Error("The account has no private key.");
  return bytesToHex(key);
}
