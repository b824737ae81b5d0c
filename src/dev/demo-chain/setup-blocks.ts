import { type Address, encodeFunctionData, type Hex, numberToHex, parseEther } from "viem";
import { deployer, senders } from "./accounts.ts";
import { type Contracts, planContracts, routerAbi, tokenAbi, wethAbi } from "./contracts.ts";
import type { BlockProducer } from "./producer.ts";
import type { PlannedTransaction } from "./traffic.ts";

const endlessly = 2n ** 256n - 1n;
const liquidity = 10n ** 24n;

/** Deploys what is not deployed yet, fills the pools, hands out tokens. Does nothing on a chain that has it all. */
export async function setUpContracts(
  producer: Pick<BlockProducer, "mine" | "nonceOf">,
): Promise<Contracts> {
  const { contracts, deployments } = planContracts(deployer);
  if (producer.nonceOf(deployer) > deployments.length) return contracts;
  const creations = deployments.map(({ data }) => plan(deployer, null, data, 6_000_000));
  // A block holds 30 million gas: four creations of up to 6 million.
  while (creations.length > 0) await producer.mine(creations.splice(0, 4));
  await producer.mine(approvals(contracts));
  await producer.mine(pools(contracts));
  await producer.mine(gifts(contracts));
  return contracts;
}

function approvals({ tokens, weth, router }: Contracts): PlannedTransaction[] {
  const data = encodeFunctionData({
    abi: tokenAbi,
    functionName: "approve",
    args: [router, endlessly],
  });
  const deposit = encodeFunctionData({ abi: wethAbi, functionName: "deposit" });
  return [
    plan(deployer, weth, deposit, 100_000, parseEther("100")),
    plan(deployer, weth, data, 100_000),
    ...[deployer, ...senders].flatMap((owner) =>
      tokens.map((token) => plan(owner, token, data, 100_000)),
    ),
  ];
}

function pools({ tokens: [a, b, c], weth, router }: Contracts): PlannedTransaction[] {
  const pairs: [Address, Address, bigint][] = [
    [a, b, liquidity],
    [b, c, liquidity],
    [a, c, liquidity],
    [weth, a, parseEther("100")],
  ];
  return pairs.map(([one, other, amount]) =>
    plan(
      deployer,
      router,
      encodeFunctionData({
        abi: routerAbi,
        functionName: "addLiquidity",
        args: [one, other, amount, liquidity, 0n, 0n, deployer, endlessly],
      }),
      5_000_000,
    ),
  );
}

function gifts({ tokens }: Contracts): PlannedTransaction[] {
  return senders.flatMap((sender) =>
    tokens.map((token) =>
      plan(
        deployer,
        token,
        encodeFunctionData({
          abi: tokenAbi,
          functionName: "transfer",
          args: [sender, 10n ** 24n],
        }),
        100_000,
      ),
    ),
  );
}

function plan(
  from: Address,
  to: Address | null,
  data: Hex,
  gas: number,
  value = 0n,
): PlannedTransaction {
  return {
    kind: "setUp",
    from,
    action: { to, data, gas, value },
    pricing: { type: "0x0", gasPrice: numberToHex(2n * 10n ** 9n) },
  };
}
