import { Context, log } from "@temporalio/activity";
import { NodeUnavailableError } from "../errors.ts";
import type { FindGapsInput, FindGapsResult } from "../workflows/index-activities.ts";
import { createFindGaps } from "./find-gaps.ts";
import { Finality } from "./index-blocks/finality.ts";
import { compareSwept } from "./index-blocks/sweep-finality.ts";
import type { Dependencies } from "./ports.ts";

/**
 * `findGaps`, and the finality sweep where neither follow nor a backfill does it: a stored block that is not the final
 * chain's counts as one whose hash does not chain. A node that is away holds up no scan.
 */
export function createFindSweptGaps(dependencies: Dependencies) {
  const findGaps = createFindGaps(dependencies);
  return async function findSweptGaps(input: FindGapsInput): Promise<FindGapsResult> {
    const gaps = await findGaps(input);
    const stale = await findStale(dependencies, input.network);
    const isKnown = stale === null || gaps.unchained.includes(stale);
    return isKnown ? gaps : { ...gaps, unchained: [stale, ...gaps.unchained] };
  };
}

async function findStale(dependencies: Dependencies, name: string): Promise<number | null> {
  const signal = Context.current().cancellationSignal;
  try {
    const network = await dependencies.network(name);
    const finality = new Finality(network, dependencies.networks, signal);
    const { stale } = await compareSwept({ network, dependencies, finality, signal });
    return stale;
  } catch (error) {
    if (!(error instanceof NodeUnavailableError)) throw error;
    log.warn("Could not compare stored blocks with the final chain", { reason: error.message });
    return null;
  }
}
