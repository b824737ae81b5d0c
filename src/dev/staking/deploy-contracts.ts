import { stringToHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { z } from "zod";
import { anvilMnemonic, chainId } from "../anvil.ts";
import { proxyContract } from "./contract-artifacts.ts";
import { type Contract, openTestAccounts, type TestAccounts } from "./test-account.ts";

type Hex = `0x${string}`;

/** The real staking contracts on a chain of our own, and the hands of those who run them. */
export type StakingDeployment = {
  readonly url: string;
  /** What is called with the users' signatures: the staking proxy. */
  readonly stakingAddress: Hex;
  readonly registryAddress: Hex;
  readonly messageHelperAddress: Hex;
  readonly dipAddress: Hex;
  readonly accounts: TestAccounts;
  /** A bundle that can be staked on until it expires; answers its NFT id, the `target`. */
  readonly addBundle: (options?: { readonly lifetimeSeconds?: number }) => Promise<string>;
  /** Ends a bundle before its day (state Closed): what is staked on it may move. */
  readonly closeBundle: (target: string) => Promise<void>;
  /** @param amount - in DIP's smallest unit. */
  readonly giveDip: (user: Hex, amount: bigint) => Promise<void>;
  /** @param amount - what the staking contract may take of the user, in DIP's smallest unit. */
  readonly approveDip: (user: Hex, amount: bigint) => Promise<void>;
  /** @param perMille - a year; 125 = 12.5 %. */
  readonly setRewardRate: (perMille: number) => Promise<void>;
  readonly refillRewards: (amount: bigint) => Promise<void>;
  readonly dipBalance: (user: Hex) => Promise<bigint>;
  readonly stakeInfo: (stakeId: string) => Promise<StakeInfo>;
  readonly stakedOn: (target: string) => Promise<bigint>;
};
/** Balances in DIP's smallest unit, times in seconds since 1970. */
const stakeInfo = z.object({
  id: z.bigint(),
  target: z.bigint(),
  stakeBalance: z.bigint(),
  rewardBalance: z.bigint(),
  createdAt: z.number(),
  lockedUntil: z.number(),
});
export type StakeInfo = z.infer<typeof stakeInfo>;

const bundleStates = { active: 0, closed: 2 } as const;
const riskpool = { id: 1n, type: 2, state: 3 } as const;
const bundleCapital = 10n ** 12n;
const defaultLifetimeSeconds = 100 * 24 * 3600;

/** Of anvil's mnemonic, in lower case. */
export function testAddress(index: number): Hex {
  const { address } = mnemonicToAccount(anvilMnemonic, { addressIndex: index });
  return `0x${address.slice(2).toLowerCase()}`;
}
/** Account 0 owns registry, staking and instance; account 1 the proxies. */
const owner = testAddress(0);
const proxyOwner = testAddress(1);

/** Deploys the real contracts of npm's @etherisc/registry-contracts on anvil; under a second where it mines at once. */
export async function deployStakingContracts(url: string): Promise<StakingDeployment> {
  const accounts = openTestAccounts(url);
  const { deploy, send, read } = accounts;
  const dip = await deploy(owner, "DIP");
  const usd = await deploy(owner, "USD2");
  const registry = await deployBehindProxy(accounts, "ChainRegistryV01");
  const nft = await deploy(owner, "ChainNft", [registry.address]);
  await send(owner, { to: registry, name: "setNftContract", args: [nft.address, owner] });
  const staking = await deployBehindProxy(accounts, "StakingV03");
  const helper = await deployStakingParts(accounts, { dip, registry, staking });
  const instance = await deployInstance(accounts, { registry, usd });
  return {
    url,
    stakingAddress: staking.address,
    registryAddress: registry.address,
    messageHelperAddress: helper.address,
    dipAddress: dip.address,
    accounts,
    ...bundlesOf(accounts, { registry, instance }),
    giveDip: async (user, amount) => {
      await send(owner, { to: dip, name: "transfer", args: [user, amount] });
    },
    approveDip: async (user, amount) => {
      await send(user, { to: dip, name: "approve", args: [staking.address, amount] });
    },
    setRewardRate: async (perMille) => {
      const rate = await read({ to: staking, name: "toRate", args: [BigInt(perMille), -3] });
      await send(owner, { to: staking, name: "setRewardRate", args: [rate] });
    },
    refillRewards: async (amount) => {
      await send(owner, { to: dip, name: "approve", args: [staking.address, amount] });
      await send(owner, { to: staking, name: "refillRewardReserves", args: [amount] });
    },
    dipBalance: async (user) =>
      BigInt(String(await read({ to: dip, name: "balanceOf", args: [user] }))),
    stakeInfo: async (stakeId) =>
      stakeInfo.parse(await read({ to: staking, name: "getInfo", args: [BigInt(stakeId)] })),
    stakedOn: async (target) =>
      BigInt(String(await read({ to: staking, name: "stakes", args: [BigInt(target)] }))),
  };
}

/** Bundles of the one riskpool: registering is anybody's, their state is the instance's. */
function bundlesOf(
  { send, read, now }: TestAccounts,
  { registry, instance }: { registry: Contract; instance: { contract: Contract; id: unknown } },
): Pick<StakingDeployment, "addBundle" | "closeBundle"> {
  const idByTarget = new Map<string, bigint>();
  const setState = (id: bigint, state: number) => {
    const args = [id, riskpool.id, state, bundleCapital];
    return send(owner, { to: instance.contract, name: "setBundleInfo", args });
  };
  return {
    addBundle: async ({ lifetimeSeconds = defaultLifetimeSeconds } = {}) => {
      const id = BigInt(idByTarget.size + 1);
      await setState(id, bundleStates.active);
      const expiryAt = BigInt((await now()) + lifetimeSeconds);
      const bundle = [instance.id, riskpool.id, id, `bundle ${id}`, expiryAt];
      await send(owner, { to: registry, name: "registerBundle", args: bundle });
      const args = [instance.id, id];
      const target = String(await read({ to: registry, name: "getBundleNftId", args }));
      idByTarget.set(target, id);
      return target;
    },
    closeBundle: async (target) => {
      const id = idByTarget.get(target);
      if (id === undefined) throw new Error(`No bundle ${target} was added.`);
      await setState(id, bundleStates.closed);
    },
  };
}

async function deployBehindProxy(
  { deploy, send, read }: TestAccounts,
  name: "ChainRegistryV01" | "StakingV03",
): Promise<Contract> {
  const implementation = await deploy(owner, name);
  const admin = await deploy(proxyOwner, "OwnableProxyAdmin", [implementation.address]);
  const args = [implementation.address, owner, proxyOwner];
  const data = await read({ to: admin, name: "getProxyCallData", args });
  const proxy = await deploy(owner, proxyContract, [implementation.address, admin.address, data]);
  await send(proxyOwner, { to: admin, name: "setProxy", args: [proxy.address] });
  return { address: proxy.address, abi: implementation.abi };
}

/** Without its reward helper every stake reverts with no reason. */
async function deployStakingParts(
  { deploy, send }: TestAccounts,
  { dip, registry, staking }: Readonly<Record<"dip" | "registry" | "staking", Contract>>,
): Promise<Contract> {
  await send(owner, { to: registry, name: "setStaking", args: [staking.address] });
  await send(owner, { to: staking, name: "setDipContract", args: [dip.address] });
  await send(owner, { to: staking, name: "setRegistry", args: [registry.address] });
  const rewards = await deploy(owner, "RewardHelper");
  await send(owner, { to: rewards, name: "transferOwnership", args: [staking.address] });
  await send(owner, { to: staking, name: "setRewardHelper", args: [rewards.address] });
  const helper = await deploy(owner, "StakingMessageHelper");
  await send(owner, { to: staking, name: "setMessageHelper", args: [helper.address] });
  return helper;
}

/** The stand-in for an insurance instance that the package itself ships, registered as a real one is. */
async function deployInstance(
  { deploy, send, read }: TestAccounts,
  { registry, usd }: Readonly<Record<"registry" | "usd", Contract>>,
): Promise<{ contract: Contract; id: unknown }> {
  const contract = await deploy(owner, "MockInstance");
  const component = [riskpool.id, riskpool.type, riskpool.state, usd.address];
  await send(owner, { to: contract, name: "setComponentInfo", args: component });
  const chain = await read({ to: registry, name: "toChain", args: [BigInt(chainId)] });
  await send(owner, { to: registry, name: "registerToken", args: [chain, usd.address, ""] });
  const instanceRegistry = await read({ to: contract, name: "getRegistry" });
  const name = "instance of a test";
  await send(owner, { to: registry, name: "registerInstance", args: [instanceRegistry, name, ""] });
  const id = await read({ to: contract, name: "getInstanceId" });
  await send(owner, { to: registry, name: "registerComponent", args: [id, riskpool.id, ""] });
  return { contract, id };
}

/** A text of at most 31 bytes as the UI makes a bytes32 of it. */
export function toBytes32(text: string): Hex {
  return stringToHex(text, { size: 32 });
}
