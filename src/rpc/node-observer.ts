/** How a request to a node failed. A JSON-RPC error is an answer, unless it is a rate limit. */
export type NodeFaultKind = "unreachable" | "timeout" | "rate_limited" | "http" | "garbled";
export type NodeFault = {
  readonly kind: NodeFaultKind;
  /** How long the node asks to be left alone (Retry-After); null where it does not say. */
  readonly retryAfterMs: number | null;
};

/** Is told what becomes of each HTTP request to one node. */
export type NodeObserver = {
  /** An answer came, whatever it says. */
  readonly answered: (seconds: number) => void;
  readonly failed: (fault: NodeFault) => void;
};

/** For a node that nobody watches. */
export const unobserved: NodeObserver = { answered: () => {}, failed: () => {} };

const longestRetryAfterMs = 10 * 60_000;

/**
 * Reads a Retry-After header, in seconds or as a date; null where it says nothing, or nothing that can be kept: 0, or a
 * date that is past, by a clock that is not ours. Bounded to 10 minutes.
 */
export function readRetryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined || header.trim() === "") return null;
  const seconds = Number(header);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return waitMs > 0 ? Math.min(waitMs, longestRetryAfterMs) : null;
}
