import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import type { StakeTransactionStore } from "./bridge-ports.ts";

/**
 * Writes what was signed, and what became of it; the same rows again count once.
 * @throws {StorageUnavailableError} @throws {StorageRefusedError}
 */
export function createRecordTransactions({
  transactionRows,
}: {
  readonly transactionRows: StakeTransactionStore;
}): StakeActivities["recordTransactions"] {
  return async function recordTransactions({ chainId, address, items }) {
    await transactionRows.record(items, { chainId, address });
  };
}
