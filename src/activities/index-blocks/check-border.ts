import { chains } from "../../domain/reorg.ts";
import { mendReorg } from "./mend-reorg.ts";
import type { Run } from "./run.ts";

/**
 * Checks that the block above a range stands on its last one. Ranges are indexed side by side, and the chain may move
 * between two of them: whichever writes its side of the border last sees the other's.
 * @throws {ReorgBeyondFinalityError}
 */
export async function checkUpperBorder(run: Run, lastBlock: number): Promise<void> {
  await run.view.loadBlocks([lastBlock, lastBlock + 1]);
  const above = run.view.completeRefs(lastBlock + 1);
  const isChained = run.view
    .completeRefs(lastBlock)
    .every((last) => above.every((next) => chains(last, next)));
  if (!isChained) await mendReorg(run, lastBlock + 1);
}
