import { setTimeout as sleep } from "node:timers/promises";
import { callNode } from "../../src/dev/json-rpc.ts";
import type { TestChain } from "../integration/stack/test-chain.ts";

/** A chain that gets a block a second and can be sent onto another branch. */
export type MovingChain = {
  /** Another branch of the same height, with code to trace in it; at most as deep as the chain has moved. */
  readonly reorg: (depth: number) => Promise<void>;
  /** The last blocks are gone, and fewer come in their place. */
  readonly shorten: (depth: number) => Promise<void>;
  readonly head: () => Promise<number>;
  /** No more blocks. */
  readonly stop: () => Promise<void>;
};

const blockEveryMs = 1000;
/** A creation whose code counts down from 100. */
const loopingCreation = {
  from: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  data: "0x60645b600190038060025700",
  gas: "0x4c4b40",
};

export function startMovingChain(chain: TestChain): MovingChain {
  const stopping = new AbortController();
  let last: Promise<void> = Promise.resolve();
  // anvil mines and reorganises one at a time.
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  const head = async () => Number(await callNode(chain.url, "eth_blockNumber"));
  const deepest = async (depth: number) => Math.min(depth, (await head()) - chain.head - 1);
  const moving = (async () => {
    while (!stopping.signal.aborted) {
      await sleep(blockEveryMs);
      await inTurn(() => chain.mine(1));
    }
  })();
  return {
    head,
    reorg: (wanted) =>
      inTurn(async () => {
        const depth = await deepest(wanted);
        if (depth < 1) throw new Error("the chain has not moved far enough");
        await callNode(chain.url, "anvil_reorg", [depth, [[loopingCreation, depth - 1]]]);
      }),
    shorten: (wanted) =>
      inTurn(async () => {
        const depth = await deepest(wanted);
        if (depth < 2) throw new Error("the chain has not moved far enough");
        await callNode(chain.url, "anvil_rollback", [depth]);
        await chain.mine(1);
      }),
    stop: async () => {
      stopping.abort();
      await moving;
      await last;
    },
  };
}
