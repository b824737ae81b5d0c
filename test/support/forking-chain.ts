import { callNode } from "../../src/dev/json-rpc.ts";
import type { Hex } from "../../src/domain/chain.ts";
import { startAnvil } from "./anvil.ts";

/** A creation whose code counts down from 100: some hundred steps, the same in every block. */
const loopingCreation = {
  from: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  data: "0x60645b600190038060025700",
  gas: "0x4c4b40",
  // Left to anvil they would follow the fees of blocks that are gone.
  maxFeePerGas: "0x77359400",
  maxPriorityFeePerGas: "0x1",
} as const;

/**
 * A real anvil whose blocks hold one transaction each, and which can go back to any block to grow another branch.
 * Blocks mined at the same times on the same parent are the same blocks again. `finalized` = latest - 2.
 */
export type ForkingChain = {
  readonly url: string;
  /** Timestamp of the newest block, seconds. */
  readonly time: number;
  readonly head: () => Promise<number>;
  readonly hashAt: (blockNumber: number) => Promise<Hex>;
  /** Hashes from a block to the head. */
  readonly hashesFrom: (blockNumber: number) => Promise<readonly Hex[]>;
  readonly mine: (count: number) => Promise<void>;
  /** One block at each time, in seconds. */
  readonly mineAt: (times: readonly number[]) => Promise<void>;
  readonly goBackTo: (blockNumber: number) => Promise<void>;
  readonly stop: () => Promise<void>;
};

const start = 1_700_000_000;
const baseFee = "0x3b9aca00";

export async function startForkingChain(): Promise<ForkingChain> {
  const anvil = await startAnvil({ args: ["--no-mining", `--timestamp=${start}`] });
  const call = (method: string, params: readonly unknown[] = []) =>
    callNode(anvil.url, method, params);
  /** anvil's snapshot of the chain that ends at each block. */
  const snapshots = new Map<number, unknown>([[0, await call("evm_snapshot")]]);
  let clock = start;
  const head = async () => Number(await call("eth_blockNumber"));

  async function mineAt(times: readonly number[]): Promise<void> {
    for (const time of times) {
      await call("eth_sendTransaction", [loopingCreation]);
      await call("evm_setNextBlockTimestamp", [time]);
      await call("anvil_setNextBlockBaseFeePerGas", [baseFee]);
      await call("evm_mine");
      clock = Math.max(clock, time);
      snapshots.set(await head(), await call("evm_snapshot"));
    }
  }
  async function hashAt(blockNumber: number): Promise<Hex> {
    const block = await call("eth_getBlockByNumber", [`0x${blockNumber.toString(16)}`, false]);
    if (typeof block !== "object" || block === null || !("hash" in block) || !isHex(block.hash)) {
      throw new Error(`the chain has no block ${blockNumber}`);
    }
    return block.hash;
  }

  await mineAt([start + 1, start + 2, start + 3]);
  return {
    url: anvil.url,
    get time() {
      return clock;
    },
    head,
    hashAt,
    async hashesFrom(blockNumber) {
      const length = (await head()) - blockNumber + 1;
      return Promise.all(Array.from({ length }, (_, i) => hashAt(blockNumber + i)));
    },
    mine: (count) => mineAt(Array.from({ length: count }, (_, i) => clock + 1 + i)),
    mineAt,
    async goBackTo(blockNumber) {
      const isReverted = await call("evm_revert", [snapshots.get(blockNumber)]);
      if (isReverted !== true) throw new Error(`anvil did not go back to block ${blockNumber}`);
      // A snapshot is used up by going back to it.
      snapshots.set(blockNumber, await call("evm_snapshot"));
    },
    stop: anvil.stop,
  };
}

function isHex(value: unknown): value is Hex {
  return typeof value === "string" && value.startsWith("0x");
}
