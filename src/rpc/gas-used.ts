import { isBlockHeader, toHex, toNumber } from "./decode.ts";
import { RpcRefusal } from "./faults.ts";
import type { NodeCalls } from "./node-calls.ts";

/** Blocks that geth answers in one eth_feeHistory. */
const feeHistoryBlocks = 1024;

/**
 * Gas used of `blockCount` blocks up to `newestBlock`, oldest first; null where the node cannot say.
 * The node answers shares of the gas limit, which moves by less than 0.1 % a block: near enough to plan by.
 */
export async function readGasUsed(
  calls: NodeCalls,
  newestBlock: number,
  blockCount: number,
  signal?: AbortSignal,
): Promise<number[] | null> {
  const used: number[] = [];
  try {
    const newest = await calls.ask(
      { method: "eth_getBlockByNumber", params: [toHex(newestBlock), false] },
      { signal },
    );
    if (!isBlockHeader(newest) || newest.gasLimit === undefined) return null;
    const gasLimit = toNumber(newest.gasLimit);
    for (let done = 0; done < blockCount; done += feeHistoryBlocks) {
      const count = Math.min(blockCount - done, feeHistoryBlocks);
      const params = [toHex(count), toHex(newestBlock - done), []];
      const answer = await calls.ask({ method: "eth_feeHistory", params }, { signal });
      const ratios = readRatios(answer, count);
      if (ratios === null) return null;
      used.unshift(...ratios.map((ratio) => Math.round(ratio * gasLimit)));
    }
    return used;
  } catch (error) {
    if (error instanceof RpcRefusal) return null;
    throw error;
  }
}

/** A node that has pruned some of the blocks answers fewer. */
function readRatios(answer: unknown, count: number): number[] | null {
  if (typeof answer !== "object" || answer === null || !("gasUsedRatio" in answer)) return null;
  const { gasUsedRatio } = answer;
  const isWhole =
    Array.isArray(gasUsedRatio) &&
    gasUsedRatio.length === count &&
    gasUsedRatio.every((ratio) => typeof ratio === "number");
  return isWhole ? gasUsedRatio : null;
}
