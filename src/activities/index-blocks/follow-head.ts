import type { BlockRef } from "../../domain/chain.ts";
import { pause, untilAborted } from "./abortable.ts";
import { RangeIndexer } from "./index-range.ts";
import { mendLeftBehind } from "./left-behind.ts";
import { mendReorg } from "./mend-reorg.ts";
import type { Run } from "./run.ts";
import { sweepFinality } from "./sweep-finality.ts";

/** Half of what a head may be late (design: mined to visible under 1 s) is spent on work, a fifth on noticing. */
const pollMs = 200;
const maximumSeconds = 30;
/** Blocks between two looks at the clock while it catches up. */
const catchUpBlocks = 256;

/**
 * Indexes from a block up to the head as it moves; ends after 30 s or `maximumBlocks`.
 * @returns the next block: lower than the first where the chain shrank.
 */
export async function followHead(run: Run, fromBlock: number): Promise<number> {
  const endsAt = Date.now() + maximumSeconds * 1000;
  const indexer = new RangeIndexer(run);
  const lastBlock =
    run.input.maximumBlocks === null
      ? Number.MAX_SAFE_INTEGER
      : fromBlock + run.input.maximumBlocks - 1;
  let next = await catchUpWithReorgs(run, fromBlock);
  let seen: BlockRef | null = null;
  let isSwept = false;
  while (next <= lastBlock && Date.now() < endsAt) {
    const head = await askHead(run);
    run.progress.head = head?.number ?? null;
    if (head !== null && head.number >= next) {
      const toBlock = Math.min(head.number, lastBlock, next + catchUpBlocks - 1);
      next = await indexer.index(next, toBlock);
      if (next <= toBlock) {
        run.heart.waitFor(`block ${next}: the head was above it, and it is gone`);
        await pause(pollMs, run.signal);
      }
      run.dependencies.meters.headDistance(run.network.name, head.number - next + 1);
      continue;
    }
    if (head !== null && head.hash !== seen?.hash) {
      next = await checkLowerHead(run, head, next);
      // Whoever goes on from here, or stops here, has to know that the blocks above are gone.
      run.heart.checkpoint(next, run.progress.done());
      seen = head;
      if (head.number >= next) continue;
    }
    if (!isSwept) {
      const { isDone, mendedTo } = await sweepFinality(run);
      isSwept = isDone;
      if (mendedTo !== null) next = Math.min(next, mendedTo + 1);
    }
    run.heart.waitFor(`block ${next}; the head is ${head === null ? "unknown" : head.number}`);
    await pause(pollMs, run.signal);
  }
  run.heart.waitFor(null);
  return next;
}

/**
 * What the chain did while nobody followed it is mended first, or what a person said of a reorg beneath finality.
 * @returns the next block: after the head of the new branch, where that is lower than what is stored.
 */
async function catchUpWithReorgs(run: Run, next: number): Promise<number> {
  const { acceptedReorg } = run.input;
  const newHead =
    acceptedReorg === undefined
      ? await mendLeftBehind(run)
      : await mendReorg(run, acceptedReorg.fromBlock);
  return newHead === null ? next : Math.min(next, newHead + 1);
}

async function askHead(run: Run): Promise<BlockRef | null> {
  const policy = run.input.headPolicy ?? run.network.headPolicy;
  return untilAborted(run.network.node.head(policy, run.signal), run.signal);
}

/**
 * A head below what is indexed is a replica that is behind, or another branch: only the hash tells.
 * @returns the next block: after the head of the other branch, else `next` as it was.
 */
async function checkLowerHead(run: Run, head: BlockRef, next: number): Promise<number> {
  await run.view.loadBlocks([head.number]);
  if (run.view.completeRefs(head.number).every(({ hash }) => hash === head.hash)) return next;
  const newHead = await mendReorg(run, head.number);
  return newHead === null ? next : Math.min(next, newHead + 1);
}
