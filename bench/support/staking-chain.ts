import { join } from "node:path";
import { z } from "zod";
import { startAnvil } from "../../src/dev/anvil.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import {
  deployStakingContracts,
  type StakingDeployment,
} from "../../src/dev/staking/deploy-contracts.ts";
import type { TestUser } from "../../src/dev/staking/test-user.ts";
import { createUsersWithoutEther } from "../../src/dev/staking/users-without-ether.ts";
import type { StakeCall } from "../../src/domain/staking/stake-call.ts";
import type { Bench } from "../benchmark.ts";

/** The real contracts on an anvil that mines a block a second. */
export type StakingChain = {
  readonly url: string;
  readonly contracts: StakingDeployment;
  /** So many new requests, each of another owner. */
  readonly sign: (count: number) => Promise<StakeCall[]>;
  /** From now on: what each call answers are all calls of the contract that were mined since. */
  readonly watchStakes: () => Promise<() => Promise<readonly MinedStake[]>>;
};
export type MinedStake = { readonly input: string; readonly hash: string };

const fullBlock = z.object({
  transactions: z.array(
    z.object({ input: z.string(), hash: z.string(), to: z.string().nullable() }),
  ),
});
const oneDip = 10n ** 18n;

export async function startStakingChain(
  { folder, stops }: Bench,
  users: number,
): Promise<StakingChain> {
  const anvil = await startAnvil({
    logFile: join(folder, "staking-anvil.log"),
    stepsTracing: false,
  });
  stops.add(anvil.stop);
  const { url } = anvil;
  const contracts = await deployStakingContracts(url);
  const target = await contracts.addBundle();
  const names = Array.from({ length: users }, (_, index) => `bench ${index}`);
  const owners: TestUser[] = await createUsersWithoutEther(contracts, names, 1000n * oneDip);
  await callNode(url, "evm_setAutomine", [false]);
  await callNode(url, "evm_setIntervalMining", [1]);
  const head = async () => Number(await callNode(url, "eth_blockNumber"));
  return {
    url,
    contracts,
    sign: (count) =>
      Promise.all(
        owners.splice(0, count).map((owner) => owner.signStake({ target, dipAmount: oneDip })),
      ),
    async watchStakes() {
      const mined: MinedStake[] = [];
      let block = await head();
      return async () => {
        const last = await head();
        for (; block < last; block += 1) {
          const parameters = [`0x${(block + 1).toString(16)}`, true];
          const content = await callNode(url, "eth_getBlockByNumber", parameters);
          for (const { input, hash, to } of fullBlock.parse(content).transactions) {
            if (to === contracts.stakingAddress) mined.push({ input, hash });
          }
        }
        return mined;
      };
    },
  };
}
