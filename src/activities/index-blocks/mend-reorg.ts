import { log } from "@temporalio/activity";
import type { BlockRef, Hex } from "../../domain/chain.ts";
import {
  type BranchComparison,
  compareBranches,
  movedBlocks,
  nothingCompared,
  planReorg,
  type ReorgPlan,
} from "../../domain/reorg.ts";
import { NodeUnavailableError, ReorgBeyondFinalityError } from "../../errors.ts";
import { pause, untilAborted } from "./abortable.ts";
import { askRefs, refsOf, settle, writeLedger } from "./commit.ts";
import { fetchBlock } from "./fetch-block.ts";
import type { FailedBlock, TracedBlock } from "./outcome.ts";
import { type Run, takeInHand } from "./run.ts";
import { toFailedBlock, traceBlock } from "./trace-block.ts";

const tries = 10;
const unrestMs = 200;
const firstLookBlocks = 128;
const lookFactor = 8;

/**
 * Moves the ledger to the node's branch after a block whose parent did not fit: rows of the new branch first, then one
 * insert that re-points every number. Idempotent; waits while the chain still moves.
 * @returns the head of the new branch, or null where the ledger agrees with the node.
 * @throws {ReorgBeyondFinalityError}
 */
export async function mendReorg(run: Run, suspect: number): Promise<number | null> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const comparison = await compareWithNode(run, suspect);
    if (comparison.stale.length === 0) {
      await checkFinalRows(run, suspect);
      return null;
    }
    const head = await untilAborted(run.network.node.head("latest", run.signal), run.signal);
    const plan = planReorg(comparison, { suspect, head: head?.number ?? -1 });
    if (await applyPlan(run, plan)) {
      const { ancestor, depth } = plan;
      run.progress.addReorg({ depth, ancestor });
      log.info("Followed a reorg", { depth, ancestor, suspect, retracted: plan.retract.length });
      return head?.number ?? ancestor;
    }
    await pause(unrestMs, run.signal);
  }
  throw new NodeUnavailableError({
    node: run.network.node.name,
    method: "eth_getBlockByNumber",
    reason: `its blocks around ${suspect} do not chain or keep changing`,
  });
}

/** Compares stored hashes with the node's, newest first, until both agree below the suspect. */
async function compareWithNode(run: Run, suspect: number): Promise<BranchComparison> {
  const finalized = await run.finality.refresh();
  // The finalized block's own row is looked at too: if it is contradicted, the fork is deeper than finality.
  const aboveBlock = (finalized ?? 0) - 1;
  for (let limit = firstLookBlocks; ; limit *= lookFactor) {
    const stored = await run.dependencies.ledger.hashesAbove(run.network.name, aboveBlock, limit);
    const chain = await askRefs(
      run,
      stored.map(({ number }) => number),
    );
    const comparison = compareBranches(nothingCompared, { stored, chain, suspect });
    const lowestStale = comparison.stale.at(-1);
    if (finalized !== null && lowestStale !== undefined && lowestStale <= finalized) {
      throw beyondFinality(run, { blockNumber: lowestStale, finalized, stored, chain });
    }
    if (comparison.ancestor !== null || stored.length < limit) return comparison;
  }
}

/**
 * Looks at the suspect and the block below it where both are final: a comparison of what is not final passes them by.
 * @throws {ReorgBeyondFinalityError}
 */
async function checkFinalRows(run: Run, suspect: number): Promise<void> {
  const finalized = await run.finality.current();
  if (finalized === null) return;
  const stored = [suspect - 1, suspect].flatMap((number) => run.view.completeRef(number) ?? []);
  const final = stored.filter(({ number }) => number <= finalized);
  const chain = await askRefs(
    run,
    final.map(({ number }) => number),
  );
  const blockNumber = movedBlocks(final, chain)[0];
  if (blockNumber !== undefined) {
    throw beyondFinality(run, { blockNumber, finalized, stored, chain });
  }
}

/** Indexes the new branch and re-points the ledger in one insert; false if the chain moved meanwhile. */
async function applyPlan(run: Run, plan: ReorgPlan): Promise<boolean> {
  await run.view.loadBlocks([...plan.reindex, ...plan.retract]);
  const outcomes: (TracedBlock | FailedBlock)[] = [];
  let parent: Hex | undefined;
  let parentNumber = -1;
  for (const blockNumber of plan.reindex) {
    takeInHand(run, blockNumber);
    const fetched = await fetchBlock(run, blockNumber);
    if (fetched.kind === "unfetched" && fetched.ref === undefined) return false;
    const hasMoved =
      fetched.kind === "fetched" &&
      parentNumber === blockNumber - 1 &&
      fetched.ref.parentHash !== parent;
    if (hasMoved) return false;
    outcomes.push(
      fetched.kind === "fetched"
        ? await traceBlock(run, fetched, run.processors)
        : toFailedBlock(fetched, run.processors),
    );
    parent = fetched.ref?.hash;
    parentNumber = blockNumber;
  }
  run.heart.putDown();
  const settled = await settle(run, outcomes, refsOf(outcomes));
  if (settled.moved !== null) return false;
  const change = { reorged: new Set(plan.reindex), retracted: plan.retract };
  await writeLedger(run, settled.outcomes, change);
  return true;
}

function beyondFinality(
  run: Run,
  fork: {
    readonly blockNumber: number;
    readonly finalized: number;
    readonly stored: readonly BlockRef[];
    readonly chain: readonly BlockRef[];
  },
): ReorgBeyondFinalityError {
  const { blockNumber, finalized, stored, chain } = fork;
  const hashIn = (refs: readonly BlockRef[]) =>
    refs.find(({ number }) => number === blockNumber)?.hash ?? "none";
  return new ReorgBeyondFinalityError({
    network: run.network.name,
    blockNumber,
    finalized,
    stored: hashIn(stored),
    node: hashIn(chain),
  });
}
