import type { StakeActivities } from "../../workflows/staking/stake-activities.ts";
import type { StakeAnnouncer } from "./bridge-ports.ts";

/**
 * Tells the operator's webhook the outcome of a request; does nothing where none is configured. Repeated under the same
 * id; a request that is asked for again and ends again has another one.
 * @throws {WebhookRefusedError} When the receiver does not answer 2xx.
 */
export function createAnnounceStake({
  stakeAnnouncer,
}: {
  readonly stakeAnnouncer: StakeAnnouncer | null;
}): StakeActivities["announceStake"] {
  return async function announceStake({ status }) {
    await stakeAnnouncer?.announce({
      id: `${status.requestId}#${status.receivedAt}`,
      type: "stake.settled",
      at: status.updatedAt,
      ...status,
    });
  };
}
