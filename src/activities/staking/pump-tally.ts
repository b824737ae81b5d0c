import type { CheckVerdict } from "../../domain/staking/stake-call.ts";
import type { PumpResult } from "../../workflows/staking/stake-activities.ts";

/** What one call has done; it goes along with the heartbeats, so that a retry counts on. */
export type PumpTally = Omit<PumpResult, "queue">;

/** @param shadow - whether verdicts are counted, because nothing is started. */
export function emptyTally(shadow: boolean): PumpTally {
  return {
    started: 0,
    alreadyKnown: 0,
    poisoned: 0,
    lastPoison: null,
    postponed: 0,
    lastError: null,
    checked: shadow ? { ready: 0, wait: 0, refused: 0, fulfilled: 0, burned: 0 } : null,
  };
}

/** The tally with one verdict more. */
export function countVerdict(tally: PumpTally, kind: CheckVerdict["kind"]): PumpTally {
  const { checked } = tally;
  return checked === null
    ? tally
    : { ...tally, checked: { ...checked, [kind]: checked[kind] + 1 } };
}
