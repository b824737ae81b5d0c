/** When a failed block is tried again; counted in whole attempts, timed in milliseconds. */
export type RetryPolicy = {
  readonly initialDelayMs: number;
  readonly maximumDelayMs: number;
  readonly maximumAttempts: number;
};

/** A failure of a block, newest included. */
export type BlockFailure = {
  readonly kind: string;
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
};

export type RetryDecision =
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "quarantine"; readonly why: string };

/**
 * Kinds that trying again hardly mends: the node says that it cannot. Three times, because a node under load
 * refuses with the same words (geth's own time limit comes as an error of the trace).
 */
const permanentKinds: ReadonlySet<string> = new Set(["trace_refused", "block_not_found"]);
const refusalsToBelieve = 3;

/** A node that contradicts itself over so many traces, so far apart, is not merely behind. */
const mismatchesToBelieve = 3;
const mismatchDistanceMs = 10 * 60_000;
const nodesToBelieveMismatch = 2;

/**
 * Decides what becomes of a block that failed: exponential delay with full jitter, or quarantine.
 * @param failures - every failure since the last release, the newest last; at least one.
 * @param nodes - how many nodes serve the network.
 * @param random - uniform in [0, 1): the share of the delay that is waited.
 */
export function decideRetry({
  failures,
  attempts,
  nodes,
  policy,
  random,
}: {
  readonly failures: readonly BlockFailure[];
  readonly attempts: number;
  readonly nodes: number;
  readonly policy: RetryPolicy;
  readonly random: number;
}): RetryDecision {
  const newest = failures.at(-1);
  if (attempts >= policy.maximumAttempts) {
    return { kind: "quarantine", why: `failed ${attempts} times` };
  }
  if (
    newest &&
    permanentKinds.has(newest.kind) &&
    isRefusedEverywhere(failures, newest.kind, nodes)
  ) {
    return { kind: "quarantine", why: "every node refuses it" };
  }
  if (newest?.kind === "proof_mismatch" && isMismatchBelieved(failures)) {
    return { kind: "quarantine", why: "the proof fails again and again" };
  }
  return { kind: "retry", delayMs: retryDelayMs({ attempts, policy, random }) };
}

/**
 * The wait before the next try: a random part of the first delay doubled with each attempt, at least 1 ms.
 * @param attempts - tries so far; 1 or more.
 */
export function retryDelayMs({
  attempts,
  policy,
  random,
}: {
  readonly attempts: number;
  readonly policy: RetryPolicy;
  readonly random: number;
}): number {
  const doublings = Math.min(Math.max(attempts, 1) - 1, 40);
  const ceiling = Math.min(policy.initialDelayMs * 2 ** doublings, policy.maximumDelayMs);
  return Math.max(1, Math.round(ceiling * random));
}

function isRefusedEverywhere(
  failures: readonly BlockFailure[],
  kind: string,
  nodes: number,
): boolean {
  const refusals = new Map<string, number>();
  for (const failure of failures) {
    if (failure.kind === kind) refusals.set(failure.node, (refusals.get(failure.node) ?? 0) + 1);
  }
  const believed = [...refusals.values()].filter((count) => count >= refusalsToBelieve);
  return believed.length >= nodes;
}

function isMismatchBelieved(failures: readonly BlockFailure[]): boolean {
  const mismatches = failures.filter((failure) => failure.kind === "proof_mismatch");
  const nodes = new Set(mismatches.map((failure) => failure.node));
  if (nodes.size >= nodesToBelieveMismatch) return true;
  let counted = 0;
  let lastAtMs = Number.NEGATIVE_INFINITY;
  for (const { atMs } of mismatches) {
    if (atMs - lastAtMs < mismatchDistanceMs) continue;
    counted += 1;
    lastAtMs = atMs;
  }
  return counted >= mismatchesToBelieve;
}
