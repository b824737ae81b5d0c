import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { senders } from "../../src/dev/demo-chain/accounts.ts";
import type { Contracts } from "../../src/dev/demo-chain/contracts.ts";
import { BlockProducer } from "../../src/dev/demo-chain/producer.ts";
import { createRandom, type Random } from "../../src/dev/demo-chain/random.ts";
import { setUpContracts } from "../../src/dev/demo-chain/setup-blocks.ts";
import { startDemoAnvil } from "../../src/dev/demo-chain/start-demo-anvil.ts";
import type { PlannedTransaction } from "../../src/dev/demo-chain/traffic.ts";
import {
  loop,
  type MakeAction,
  ordinaryKinds,
  swapKinds,
} from "../../src/dev/demo-chain/traffic-kinds.ts";

export type Chain = {
  readonly url: string;
  readonly pid: number;
  /** The blocks that count; those before them set up the contracts. */
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly stop: () => Promise<void>;
};
type PlanBlock = (blockNumber: number, contracts: Contracts) => PlannedTransaction[];

const seed = 20_260_000;
/** Blocks that deploy the contracts, and more. */
const spareStates = 200;
const gasPrice = "0x77359400";

/** Starts anvil and mines `blocks` blocks as `plan` says, after those that deploy the contracts. */
async function startChain(blocks: number, plan: PlanBlock): Promise<Chain> {
  const dataDir = await mkdtemp(join(tmpdir(), "blockloom-bench-chain-"));
  const anvil = await startDemoAnvil({
    dataDir,
    // By default the states of some hundred blocks: an older one cannot be traced any more.
    args: [`--max-persisted-states=${blocks + spareStates}`],
  });
  const stop = async () => {
    await anvil.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const producer = await BlockProducer.open(anvil.url);
    const contracts = await setUpContracts(producer);
    const start = await producer.head();
    for (let number = start + 1; number <= start + blocks; number += 1) {
      await producer.mine(plan(number, contracts));
    }
    const range = { fromBlock: start + 1, toBlock: start + blocks };
    return { url: anvil.url, pid: anvil.process.pid, ...range, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Blocks of 50 transactions and about 25,000 steps: swaps, loops, transfers, approvals. */
export function startHeavyChain(blocks: number): Promise<Chain> {
  return startChain(blocks, planHeavyBlock);
}

/** Blocks of 0 to 3 transactions. */
export function startLightChain(blocks: number): Promise<Chain> {
  return startChain(blocks, planLightBlock);
}

/** Transactions of one heavy block. */
export function planHeavyBlock(blockNumber: number, contracts: Contracts): PlannedTransaction[] {
  const random = createRandom(seed, blockNumber);
  const swaps = Object.values(swapKinds);
  const ordinary = Object.values(ordinaryKinds);
  const kinds: MakeAction[] = [
    ...times(3, () => pick(random, swaps)),
    ...times(27, () => loop(random.between(5, 20))),
    ...times(20, () => pick(random, ordinary)),
  ];
  return kinds.map((make) => planOne(make, { random, blockNumber, contracts }));
}

function planLightBlock(blockNumber: number, contracts: Contracts): PlannedTransaction[] {
  const random = createRandom(seed + 1, blockNumber);
  const kinds = times(random.between(0, 3), () => pick(random, Object.values(ordinaryKinds)));
  return kinds.map((make) => planOne(make, { random, blockNumber, contracts }));
}

function planOne(
  make: MakeAction,
  scene: { readonly random: Random; readonly blockNumber: number; readonly contracts: Contracts },
): PlannedTransaction {
  const sender = pick(scene.random, senders);
  const action = make({ ...scene, sender, authority: sender });
  return { kind: "bench", from: sender, action, pricing: { type: "0x0", gasPrice } };
}

function times<Item>(count: number, make: () => Item): Item[] {
  return Array.from({ length: count }, make);
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random.between(0, items.length - 1)];
  if (item === undefined) throw new Error("an empty list");
  return item;
}
