import { chains } from "../../domain/reorg.ts";
import { mendReorg } from "./mend-reorg.ts";
import type { Run } from "./run.ts";

/**
 * Checks that a range stands on the block below it, and the block above on its last one. Ranges are indexed side by
 * side, and the chain may move between two of them: whichever writes its side of the border last sees the other's.
 * @throws {ReorgBeyondFinalityError}
 */
export async function checkBorders(run: Run, fromBlock: number, toBlock: number): Promise<void> {
  const borders = [fromBlock, toBlock + 1].filter((number) => number > 0);
  await run.view.loadBlocks(borders.flatMap((number) => [number - 1, number]));
  for (const number of borders) {
    const above = run.view.completeRefs(number);
    const isChained = run.view
      .completeRefs(number - 1)
      .every((below) => above.every((next) => chains(below, next)));
    if (!isChained) await mendReorg(run, number);
  }
}
