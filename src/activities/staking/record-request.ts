import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import type { StakeMeters, StakeRequestStore } from "./bridge-ports.ts";

/**
 * Writes where a request stands; the same status again counts once in the table.
 * @throws {StorageUnavailableError} @throws {StorageRefusedError}
 */
export function createRecordRequest({
  requestRows,
  meters,
}: {
  readonly requestRows: StakeRequestStore;
  readonly meters: StakeMeters;
}): StakeActivities["recordRequest"] {
  return async function recordRequest(input) {
    await requestRows.record(input);
    const { chainId, state, isFinal, reason } = input.status;
    if (isFinal) meters.stakeOutcome(chainId, state, reason?.code ?? "");
  };
}
