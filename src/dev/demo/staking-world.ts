import { bytesToHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { anvilMnemonic, startAnvil } from "../anvil.ts";
import { callNode } from "../json-rpc.ts";
import { type NodeGate, startNodeGate } from "../node-gate.ts";
import type { StakingService } from "../stack.ts";
import {
  deployStakingContracts,
  type StakingDeployment,
  testAddress,
} from "../staking/deploy-contracts.ts";
import { newCodecKey, stakingEnv } from "../staking/staking-env.ts";
import type { TestUser } from "../staking/test-user.ts";
import { createUsersWithoutEther } from "../staking/users-without-ether.ts";
import type { StopList } from "../stop-list.ts";

/** The second half of the demo: a chain of its own with the real contracts, and people who hold DIP and no ether. */
export type StakingWorld = StakingService & {
  readonly url: string;
  readonly contracts: StakingDeployment;
  /** NFT ids of two bundles. */
  readonly bundles: readonly [first: string, second: string];
  /** Stands between the workers and the node. */
  readonly gate: NodeGate;
  readonly signer: `0x${string}`;
  readonly people: Readonly<Record<Person, TestUser>>;
};
export const persons = ["alice", "bob", "carol", "mallory"] as const;
export type Person = (typeof persons)[number];

export const oneDip = 10n ** 18n;
/** What each person holds at first. */
export const dipOfPerson = 5_000n * oneDip;
/** Account of anvil's mnemonic whose ether pays. */
const signerIndex = 2;

/** Deploys the contracts; afterwards the chain mines a block a second. */
export async function createStakingWorld(dataDir: string, stops: StopList): Promise<StakingWorld> {
  const anvil = await startAnvil({
    logFile: `${dataDir}/logs/staking/anvil.log`,
    stepsTracing: false,
  });
  stops.add(anvil.stop);
  const { url } = anvil;
  const contracts = await deployStakingContracts(url);
  const bundles = [await contracts.addBundle(), await contracts.addBundle()] as const;
  const [alice, bob, carol, mallory] = await createUsersWithoutEther(
    contracts,
    persons,
    dipOfPerson,
  );
  if (!alice || !bob || !carol || !mallory) throw new Error("A person is missing.");
  await mineEverySecond(url, true);
  const gate = await startNodeGate(url);
  stops.add(gate.stop);
  const signer = testAddress(signerIndex);
  return {
    url,
    contracts,
    bundles,
    gate,
    signer,
    people: { alice, bob, carol, mallory },
    env: stakingEnv({
      rpcUrl: gate.url,
      stakingAddress: contracts.stakingAddress,
      signer,
      codecKey: newCodecKey("demo"),
    }),
    keyEnv: {
      PROCESSOR_PRIVATE_KEY: privateKeyOf(signerIndex),
      // Fees are raised after seconds instead of half a minute, so that the demo can show it.
      STAKING_BUMP_AFTER_MS: "3000",
      STAKING_REBROADCAST_AFTER_MS: "2000",
    },
  };
}

/** false: transactions wait in the pool. */
export async function mineEverySecond(url: string, isOn: boolean): Promise<void> {
  await callNode(url, "evm_setAutomine", [false]);
  await callNode(url, "evm_setIntervalMining", [isOn ? 1 : 0]);
}

function privateKeyOf(index: number): string {
  const key = mnemonicToAccount(anvilMnemonic, { addressIndex: index }).getHdKey().privateKey;
  if (key === null) throw new Error("The account has no private key.");
  return bytesToHex(key);
}
