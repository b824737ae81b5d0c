/**
 * How many traces one node is given at once: one more while each still comes as fast as before, fewer when all of them
 * together bring less, half when the node fails or refuses (AIMD with a gradient).
 */
export type TraceLimit = {
  /** Traces at once; fractions count up to the next whole one. */
  readonly limit: number;
  readonly maximum: number;
  /** When it was last cut; traces that began before say nothing new about the cut. */
  readonly cutAtMs: number;
  /** Of each kind of trace: the time that one takes, and the share of the node's time that it takes among others. */
  readonly light: Paces;
  readonly heavy: Paces;
  /** Gas of the chain's heavy blocks, smoothed; null before the first. */
  readonly typicalGas: number | null;
};

type Paces = { readonly latency: Pace; readonly work: Pace };
/** Seconds a byte, smoothed; null before the first sample. */
type Pace = { readonly recent: number | null; readonly best: number | null };

export type TraceSample = {
  /** Seconds that the node was waited for; the reader's own time does not count. */
  readonly seconds: number;
  readonly bytes: number;
  readonly weight: number;
  /** undefined: unknown. */
  readonly gasUsed?: number | undefined;
  /** Weights of all traces that were under way when it began, its own included. */
  readonly inFlight: number;
  /** Whether the limit was reached while it ran: only then does the sample say anything about more. */
  readonly wasFull: boolean;
};

/** What a worker of two slots always had under way: two heavy blocks each, or four light ones. */
const startingLimit = 4;
/** Light traces that one activity may have under way ahead, where nothing is known of the node. */
export const traceAhead = startingLimit;
/** A trace of so little gas is over in milliseconds. */
export const lightBlockGas = 1_000_000;
const lightWeight = 0.5;
const heavyWeight = 1;
/** So much, and so many times what is usual on the chain: such a block gets the node for itself. */
export const massiveBlockGas = 100_000_000;
const massiveShare = 4;

/** A round trip's worth of bytes: below it the size does not matter. */
const leastBytes = 65_536;
const smoothing = 0.2;
/** The best pace is forgotten slowly: blocks and nodes change. */
const forgetting = 1.002;
/** Traces that share cores slow each other down, and together bring no less: that alone is no reason for fewer. */
const growBelow = 2;
const shrinkAbove = 4;
/** Slowness alone, which may be another's doing, leaves so many: one is computed while one arrives. */
const slowestLimit = 2;
const gentleCut = 0.9;
const hardCut = 0.5;

/** @param maximum - configured traces at once; at least 1. */
export function startTraceLimit(maximum: number): TraceLimit {
  const unknown = { recent: null, best: null };
  const paces = { latency: unknown, work: unknown };
  const limit = Math.min(startingLimit, maximum);
  return {
    limit,
    maximum,
    cutAtMs: Number.NEGATIVE_INFINITY,
    light: paces,
    heavy: paces,
    typicalGas: null,
  };
}

/** What a block's trace takes of the limit; a massive one takes all of it. */
export function traceWeight(
  { typicalGas }: Pick<TraceLimit, "typicalGas">,
  gasUsed: number | undefined,
): number {
  if (gasUsed === undefined) return heavyWeight;
  if (gasUsed >= Math.max(massiveBlockGas, (typicalGas ?? 0) * massiveShare)) {
    return Number.POSITIVE_INFINITY;
  }
  return gasUsed < lightBlockGas ? lightWeight : heavyWeight;
}

/**
 * Whether one more trace may begin. The first always may; a massive one only alone, and nothing beside it.
 * @param inFlight - weights of the traces under way, summed.
 */
export function mayBegin(
  { limit }: Pick<TraceLimit, "limit">,
  inFlight: number,
  weight: number,
): boolean {
  return inFlight === 0 || inFlight + weight <= Math.max(1, limit) + 1e-9;
}

/** A trace came whole. */
export function afterTrace(before: TraceLimit, sample: TraceSample): TraceLimit {
  const state = { ...before, typicalGas: nextTypicalGas(before.typicalGas, sample.gasUsed) };
  if (!Number.isFinite(sample.weight)) return state;
  const kind = sample.weight < heavyWeight ? "light" : "heavy";
  const cost = sample.seconds / Math.max(sample.bytes, leastBytes);
  const latency = nextPace(state[kind].latency, cost);
  const work = nextPace(state[kind].work, cost / Math.max(sample.inFlight, sample.weight));
  const paced = { ...state, [kind]: { latency, work } };
  if (work.recent > shrinkAbove * work.best) {
    return withLimit(paced, Math.max(state.limit * gentleCut, Math.min(slowestLimit, state.limit)));
  }
  if (latency.recent <= growBelow * latency.best && sample.wasFull) {
    return withLimit(paced, state.limit + sample.weight / Math.max(1, state.limit));
  }
  return paced;
}

/** A trace failed by the node's doing: an error, a timeout, 429. One cut for all that were under way together. */
export function afterTraceFailure(
  state: TraceLimit,
  { begunAtMs, nowMs }: { readonly begunAtMs: number; readonly nowMs: number },
): TraceLimit {
  if (begunAtMs <= state.cutAtMs) return state;
  return { ...withLimit(state, state.limit * hardCut), cutAtMs: nowMs };
}

function withLimit(state: TraceLimit, limit: number): TraceLimit {
  return { ...state, limit: Math.min(state.maximum, Math.max(1, limit)) };
}

function nextTypicalGas(typical: number | null, gasUsed: number | undefined): number | null {
  if (gasUsed === undefined || gasUsed < lightBlockGas) return typical;
  return typical === null ? gasUsed : typical + smoothing * (gasUsed - typical);
}

function nextPace({ recent, best }: Pace, cost: number): { recent: number; best: number } {
  const smoothed = recent === null ? cost : recent + smoothing * (cost - recent);
  return {
    recent: smoothed,
    best: best === null ? smoothed : Math.min(smoothed, best * forgetting),
  };
}
