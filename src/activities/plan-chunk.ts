import { countBlocks } from "../domain/block-range.ts";
import {
  cutWindow,
  maximumChunkBlocks,
  planBlindChunk,
  planChunksByGas,
} from "../domain/chunk-plan.ts";
import type { PlanChunkInput, PlannedChunk } from "../workflows/index-activities.ts";
import type { Dependencies } from "./ports.ts";

/** Sizes the next chunks of a range by the gas that its blocks used. Reads only; safe to repeat. */
export function createPlanChunk({ network }: Pick<Dependencies, "network">) {
  return async function planChunk(input: PlanChunkInput): Promise<PlannedChunk> {
    const { order, gasPerChunk } = input;
    const range = { fromBlock: input.fromBlock, toBlock: input.toBlock };
    const window = cutWindow(range, order, maximumChunkBlocks);
    const { node } = await network(input.network);
    const gasUsed = await node.gasUsed(window.toBlock, window.toBlock - window.fromBlock + 1);
    if (gasUsed === null) return { ...planBlindChunk(range, order), gasUsed: null };
    const isLast = countBlocks(window) === countBlocks(range);
    const [first, ...following] = planChunksByGas({ window, isLast, gasUsed, order, gasPerChunk });
    return { ...first, following };
  };
}
