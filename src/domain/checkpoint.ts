/** The block that was in hand when an attempt ended without a word, and how many attempts ended so. */
export type InHand = { readonly blockNumber: number; readonly lostAttempts: number };

/** A block in hand at so many lost attempts is booked `worker_lost` and skipped. */
const lostAttemptsToSkip = 2;

export type Resumption =
  | { readonly kind: "plain" }
  /** The block may be what kills workers: it is traced alone. */
  | { readonly kind: "suspect"; readonly inHand: InHand }
  | { readonly kind: "skip"; readonly inHand: InHand };

/**
 * Reads the last attempt's checkpoint: a block still in hand means that the attempt was lost with it, because every
 * orderly end (an error, a cancellation, a shutdown) puts the block down first.
 */
export function resumeFrom(inHand: InHand | null): Resumption {
  if (inHand === null) return { kind: "plain" };
  const lost = { ...inHand, lostAttempts: inHand.lostAttempts + 1 };
  return { kind: lost.lostAttempts >= lostAttemptsToSkip ? "skip" : "suspect", inHand: lost };
}
