import { BlockProducer } from "../../../src/dev/demo-chain/producer.ts";
import { setUpContracts } from "../../../src/dev/demo-chain/setup-blocks.ts";
import { startDemoAnvil } from "../../../src/dev/demo-chain/start-demo-anvil.ts";
import { planBlock } from "../../../src/dev/demo-chain/traffic.ts";
import { swapKinds } from "../../../src/dev/demo-chain/traffic-kinds.ts";

/** A real chain with the demo's traffic. */
export type TestChain = {
  readonly url: string;
  /** First block of the traffic: the contracts' own blocks hold half of all steps and no kind that it lacks. */
  readonly first: number;
  /** The head that the chain has run ahead to. */
  readonly head: number;
  /** Mines blocks of further traffic, on whatever branch the chain stands. */
  readonly mine: (blocks: number) => Promise<void>;
  readonly stop: () => Promise<void>;
};

const seed = 8;
/** Loops and swaps are most of the traffic's steps: one in so many blocks keeps its. */
const heavyEvery = 16;
const heavyKinds = ["loop", ...Object.keys(swapKinds)];

/** Many blocks with few steps, so that there is a middle and an oracle takes seconds. */
export async function startTestChain(options: {
  readonly dataDir: string;
  readonly blocks: number;
}): Promise<TestChain> {
  const anvil = await startDemoAnvil(options);
  const founder = await BlockProducer.open(anvil.url);
  const contracts = await setUpContracts(founder);
  const first = (await founder.head()) + 1;
  let next = first;
  async function mine(blocks: number): Promise<void> {
    // A reorg takes the senders' nonces back, so they are read anew.
    const producer = await BlockProducer.open(anvil.url);
    for (const end = next + blocks; next < end; next += 1) {
      const planned = planBlock({ seed, blockNumber: next, contracts });
      const isHeavy = next % heavyEvery === 0;
      await producer.mine(planned.filter(({ kind }) => isHeavy || !heavyKinds.includes(kind)));
    }
  }
  await mine(options.blocks - next + 1);
  return { url: anvil.url, first, head: options.blocks, mine, stop: anvil.stop };
}
