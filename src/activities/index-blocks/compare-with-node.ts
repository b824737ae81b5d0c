import { log } from "@temporalio/activity";
import type { BlockRef } from "../../domain/chain.ts";
import { type BranchComparison, compareBranches, movedBlocks } from "../../domain/reorg.ts";
import { ReorgBeyondFinalityError } from "../../errors.ts";
import { askRefs } from "./commit.ts";
import type { Run } from "./run.ts";

const firstLookBlocks = 128;
const lookFactor = 8;
/** Rows known to be final that are looked at too, so that a fork beneath finality is seen, and how deep it is. */
const finalLookBlocks = 128;
/** How far a fork beneath finality is followed down, to tell a person where it begins. */
const deepestLookBlocks = 8192;

/**
 * Compares stored hashes with the node's, newest first, until both agree below the suspect.
 * @throws {ReorgBeyondFinalityError} where rows that are known to be final are contradicted.
 */
export async function compareWithNode(run: Run, suspect: number): Promise<BranchComparison> {
  await run.finality.refresh();
  const lastFinal = await lastUntouchable(run);
  let aboveBlock = Math.max(-1, (lastFinal ?? -1) - finalLookBlocks);
  for (let limit = firstLookBlocks; ; limit *= lookFactor) {
    const stored = await run.dependencies.ledger.hashesAbove(run.network.name, aboveBlock, limit);
    const chain = await askRefs(run, numbersOf(stored));
    const comparison = compareBranches({ stored, chain, suspect });
    const lowest = comparison.stale.at(-1) ?? Number.POSITIVE_INFINITY;
    const isFinalTouched = lastFinal !== null && lowest <= lastFinal;
    const isCut = comparison.ancestor === null && stored.length >= limit;
    if (isCut && !(isFinalTouched && limit >= deepestLookBlocks)) continue;
    if (!isFinalTouched) return comparison;
    if (isCut || comparison.ancestor !== null || aboveBlock < 0) {
      throw beyondFinality(run, { blockNumber: lowest, lastFinal, stored, chain });
    }
    aboveBlock = -1;
  }
}

/**
 * Looks at the suspect and its neighbours where they are final: a comparison of what is not final passes them by.
 * @throws {ReorgBeyondFinalityError}
 */
export async function checkFinalRows(run: Run, suspect: number): Promise<void> {
  const lastFinal = await lastUntouchable(run);
  if (lastFinal === null) return;
  const neighbours = [suspect - 1, suspect, suspect + 1].filter((number) => number <= lastFinal);
  const stored = neighbours.flatMap((number) => run.view.completeRefs(number));
  const chain = await askRefs(run, numbersOf(stored));
  const blockNumber = movedBlocks(stored, chain)[0];
  if (blockNumber !== undefined) {
    throw beyondFinality(run, { blockNumber, lastFinal, stored, chain });
  }
}

/** Rows up to here may not be changed without a person's word; null = none. */
async function lastUntouchable(run: Run): Promise<number | null> {
  const swept = await run.finality.swept();
  const accepted = run.input.acceptedReorg;
  if (swept === null || accepted === undefined || accepted.fromBlock > swept) return swept;
  const [ref] = await askRefs(run, [accepted.fromBlock]);
  return ref?.hash === accepted.blockHash ? accepted.fromBlock - 1 : swept;
}

function beyondFinality(
  run: Run,
  fork: {
    readonly blockNumber: number;
    readonly lastFinal: number;
    readonly stored: readonly BlockRef[];
    readonly chain: readonly BlockRef[];
  },
): ReorgBeyondFinalityError {
  const { blockNumber, lastFinal, stored, chain } = fork;
  const hashIn = (refs: readonly BlockRef[]) =>
    refs.find(({ number }) => number === blockNumber)?.hash ?? "none";
  const facts = {
    network: run.network.name,
    blockNumber,
    finalized: lastFinal,
    stored: hashIn(stored),
    node: hashIn(chain),
  };
  log.error("The node's chain contradicts rows that were final", facts);
  run.dependencies.meters.finalityContradiction(run.network.name);
  return new ReorgBeyondFinalityError(facts);
}

function numbersOf(refs: readonly BlockRef[]): number[] {
  return [...new Set(refs.map(({ number }) => number))];
}
