import type { Hex } from "./chain.ts";
import type { Processor } from "./processor.ts";

/** What stands in the ledger for a block, in order of rank: a later one wins within a generation. */
export const ledgerStatuses = ["retracted", "failed", "quarantined", "complete"] as const;
export type LedgerStatus = (typeof ledgerStatuses)[number];

export const zeroHash: Hex = `0x${"0".repeat(64)}`;

/** Bits of {@link packVersion}: generation in the highest, then rank, then attempts. */
const attemptsBits = 16n;
const rankBits = 8n;

/**
 * Packs what decides which ledger row wins: generation, then rank of the status, then attempts. Never a clock.
 * @param attempts - 0 to 65,535; more counts as 65,535.
 */
export function packVersion(row: {
  generation: number;
  status: LedgerStatus;
  attempts: number;
}): bigint {
  const rank = BigInt(ledgerStatuses.indexOf(row.status));
  const attempts = BigInt(Math.min(row.attempts, 0xffff));
  return (BigInt(row.generation) << (rankBits + attemptsBits)) | (rank << attemptsBits) | attempts;
}

/** One row of `execution_block`, without `version` (packed when written) and `updated_at` (set when written). */
export type LedgerRow = {
  readonly network: string;
  readonly processor: Processor;
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly parentHash: Hex;
  /** UInt64 in decimal; "0" unless complete. */
  readonly attemptId: string;
  readonly status: LedgerStatus;
  readonly generation: number;
  readonly attempts: number;
  /** ISO time of the next try of a failed block; null if there is none. */
  readonly nextAttemptAt: string | null;
  readonly errorKind: string;
  readonly errorMessage: string;
  readonly transactionCount: number;
  readonly structlogCount: number;
  /** Rows of this processor's table under `attemptId`. */
  readonly rowCount: number;
  readonly proof: "proven" | "unverified";
  /** JSON: what was checked, what not and why. */
  readonly proofDetail: string;
  readonly node: string;
  readonly clientVersion: string;
  readonly decoderVersion: number;
  readonly workflowId: string;
  readonly runId: string;
  readonly reason: string;
  readonly actor: string;
  readonly durationMs: number;
  readonly traceBytes: number;
};
