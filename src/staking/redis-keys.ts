import type { StreamEntity } from "../workflows/staking/request-shapes.ts";

/** Keys that the reference keeps up to date and its users' monitors read; they have no prefix there either. */
export const referenceKeys = {
  /** ISO time of the last look at the stream. */
  lastCheck: "last-check",
  /** Epoch milliseconds of the message in hand, as its producer wrote it; -1 while there is none. */
  messageTimestamp: "timestamp-last-message-in-redis",
} as const;

/** Hash of a request: `PendingStake:<ulid>` or `PendingRestake:<ulid>`. */
export function entityKey({ type, entityId }: StreamEntity): string {
  return `${type === "stake" ? "PendingStake" : "PendingRestake"}:${entityId}`;
}
