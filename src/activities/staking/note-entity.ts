import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import type { EntityStore } from "./bridge-ports.ts";

/**
 * Keeps the hash of a stream's request as the producer's UI expects it: the transaction's hash once there is one, and
 * at the end no hash at all. Repeatable, in any order: a hash that is gone stays gone.
 * @throws {RedisUnavailableError} @throws {RedisRefusedError}
 */
export function createNoteEntity({
  entities,
}: {
  /** Null where the worker knows no Redis: then there is nobody to tell. */
  readonly entities: EntityStore | null;
}): StakeActivities["noteEntity"] {
  return async function noteEntity({ entity, transactionHash, isFinal }) {
    if (isFinal) await entities?.remove(entity);
    else if (transactionHash !== null) await entities?.noteTransaction(entity, transactionHash);
  };
}
