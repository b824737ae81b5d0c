import { setTimeout as sleep } from "node:timers/promises";
import type { Contracts } from "./contracts.ts";
import { BlockProducer } from "./producer.ts";
import { setUpContracts } from "./setup-blocks.ts";
import { countSteps } from "./step-estimate.ts";
import { cycleBlocks, planBlock } from "./traffic.ts";

export type ChainProgress = {
  readonly blocks: number;
  /** Structlog rows so far, estimated from traced samples. */
  readonly steps: number;
};
/** A chain that has run ahead. */
export type PreparedChain = ChainProgress & {
  /** Mines one block every `blockTimeMs` until stopped. */
  readonly startTraffic: (options: TrafficOptions) => Traffic;
};
type TrafficOptions = {
  readonly blockTimeMs: number;
  readonly onBlock?: (head: number) => void;
};
export type Traffic = {
  /** Resolves when the last block is mined. @throws what made the traffic end early. */
  readonly stop: () => Promise<{ head: number }>;
};

type PrepareOptions = {
  readonly rpcUrl: string;
  readonly seed: number;
  /** Structlog rows to run ahead by. */
  readonly targetSteps: number;
  /** Mine at least up to here: the head that an earlier run had reached. Default 0. */
  readonly minimumHead?: number;
  readonly onProgress?: (progress: ChainProgress) => void;
};

/** One block of so many is traced to estimate the rest; prime to the traffic's rhythm of twelve. */
const sampleEvery = 5;

/**
 * Deploys the contracts and mines traffic until the chain holds about `targetSteps` steps. The same seed gives the same
 * blocks, hash by hash: a chain is brought back by making it again (4 s), where anvil's own state file takes 2 GB.
 */
export async function prepareChain(options: PrepareOptions): Promise<PreparedChain> {
  const { rpcUrl, seed, targetSteps } = options;
  const producer = await BlockProducer.open(rpcUrl);
  const contracts = await setUpContracts(producer);
  const firstHead = await producer.head();
  let head = firstHead;
  const samples: number[] = [];
  const progress = (): ChainProgress => ({ blocks: head, steps: Math.round(head * mean(samples)) });
  const isFarEnough = () =>
    head >= Math.max(firstHead + cycleBlocks, options.minimumHead ?? 0) &&
    progress().steps >= targetSteps;
  while (!isFarEnough()) {
    head += 1;
    await producer.mine(planBlock({ seed, blockNumber: head, contracts }));
    if (head % sampleEvery === 0) samples.push(await countSteps(rpcUrl, head));
    options.onProgress?.(progress());
  }
  return {
    ...progress(),
    startTraffic: (traffic) => runTraffic({ ...traffic, producer, contracts, seed, head }),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}

function runTraffic(
  options: TrafficOptions & {
    producer: BlockProducer;
    contracts: Contracts;
    seed: number;
    head: number;
  },
): Traffic {
  const { producer, contracts, seed, blockTimeMs } = options;
  const stopping = new AbortController();
  let head = options.head;
  async function mineOnTime(): Promise<void> {
    while (!stopping.signal.aborted) {
      const started = Date.now();
      await producer.mine(planBlock({ seed, blockNumber: head + 1, contracts }));
      head += 1;
      options.onBlock?.(head);
      const waitMs = Math.max(0, blockTimeMs - (Date.now() - started));
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }
  const mining = mineOnTime();
  mining.catch(() => {}); // told by stop()
  return {
    stop: async () => {
      stopping.abort();
      await mining;
      return { head };
    },
  };
}
