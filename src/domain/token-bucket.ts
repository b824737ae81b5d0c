/**
 * Requests a second, with a reserve for the head: others may not take the last tokens, so that the head finds as many
 * as if nobody else asked. Times in milliseconds of a clock that does not go back.
 */
export type BucketPolicy = {
  readonly ratePerSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** Tokens that only the head may take. */
  readonly reserve: number;
};

export type TokenBucket = { readonly tokens: number; readonly atMs: number };

export type TokensWanted = {
  readonly cost: number;
  readonly isHead: boolean;
  readonly nowMs: number;
};

/** A third for the head: it asks for a block in two or three requests, others keep the node busy. */
const reservedShare = 1 / 3;
/** Sums of fractions. */
const epsilon = 1e-9;

/** One second's worth of requests may come at once. @param ratePerSecond - at least 1. */
export function bucketPolicy(ratePerSecond: number): BucketPolicy {
  const burst = Math.max(2, ratePerSecond);
  const reserve = Math.min(burst - 1, Math.max(1, Math.floor(burst * reservedShare)));
  return { ratePerSecond, burst, reserve };
}

export function fullBucket({ burst }: BucketPolicy, nowMs: number): TokenBucket {
  return { tokens: burst, atMs: nowMs };
}

/** The most that can be taken at once; more would wait for ever. */
export function mostAtOnce({ burst, reserve }: BucketPolicy, isHead: boolean): number {
  return Math.max(1, Math.floor(isHead ? burst : burst - reserve));
}

/** Milliseconds until so much may be taken; 0: now. */
export function waitFor(policy: BucketPolicy, bucket: TokenBucket, wanted: TokensWanted): number {
  const { cost, isHead, nowMs } = wanted;
  const floor = isHead ? 0 : policy.reserve;
  const missing = cost + floor - refilled(policy, bucket, nowMs).tokens;
  return missing <= epsilon ? 0 : (missing / policy.ratePerSecond) * 1000;
}

/** Takes tokens; to be called only where `waitFor` says 0. */
export function takeTokens(
  policy: BucketPolicy,
  bucket: TokenBucket,
  { cost, nowMs }: Pick<TokensWanted, "cost" | "nowMs">,
): TokenBucket {
  const { tokens, atMs } = refilled(policy, bucket, nowMs);
  return { tokens: tokens - cost, atMs };
}

function refilled(
  { ratePerSecond, burst }: BucketPolicy,
  { tokens, atMs }: TokenBucket,
  nowMs: number,
): TokenBucket {
  const passedMs = Math.max(0, nowMs - atMs);
  return {
    tokens: Math.min(burst, tokens + (passedMs / 1000) * ratePerSecond),
    atMs: atMs + passedMs,
  };
}
