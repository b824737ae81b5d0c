import type { StakeBridgeState } from "./bridge-shapes.ts";
import type { PumpResult } from "./stake-activities.ts";

type Totals = StakeBridgeState["totals"];

export const emptyTotals: Totals = {
  started: 0,
  alreadyKnown: 0,
  poisoned: 0,
  lastPoison: null,
  lastError: null,
  checked: null,
};

/** The totals with one call more. */
export function addResult(totals: Totals, result: PumpResult): Totals {
  return {
    started: totals.started + result.started,
    alreadyKnown: totals.alreadyKnown + result.alreadyKnown,
    poisoned: totals.poisoned + result.poisoned,
    lastPoison: result.lastPoison ?? totals.lastPoison,
    lastError: result.lastError ?? totals.lastError,
    checked: addChecked(totals.checked, result.checked),
  };
}

/** Null as soon as a call was in earnest: verdicts count while shadow mode lasts. */
function addChecked(before: Totals["checked"], now: PumpResult["checked"]): Totals["checked"] {
  if (before === null || now === null) return now;
  return {
    ready: before.ready + now.ready,
    wait: before.wait + now.wait,
    refused: before.refused + now.refused,
    fulfilled: before.fulfilled + now.fulfilled,
    burned: before.burned + now.burned,
  };
}
