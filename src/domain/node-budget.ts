/**
 * How much of each node one job may use, on all workers together: fewer traces at once after every refusal (429,
 * Retry-After) that any of its calls tells, one more for each round of good calls, and none at all while the node asks
 * to be left alone. Times in milliseconds of the job's own clock; what crosses to workers is durations, because clocks
 * differ.
 */
export type JobBudget = {
  readonly nodes: readonly NodeBudget[];
  /** A call came back early because every node asked to be left alone until then. */
  readonly restsUntilMs: number;
};

export type NodeBudget = {
  readonly node: string;
  /** Traces of the job at once; fractions count when they make a whole one. null: workers decide alone. */
  readonly traces: number | null;
  /** Traces at once when it was last cut: grown back so far, it is left to the workers again. */
  readonly cutFrom: number;
  /** When it was last cut; a call that began before says nothing new about the cut. */
  readonly cutAtMs: number;
  readonly restsUntilMs: number;
  /** Refusals told so far. */
  readonly refusals: number;
};

/** What one call tells of one node. */
export type NodeReport = {
  readonly node: string;
  /** Times that it said, to this worker, that it is asked too often (429, Retry-After). */
  readonly refusals: number;
  /** Milliseconds for which it still asks to be left alone; 0 = not at all. */
  readonly restMs: number;
  /** The most traces that the call had under way there at once; a light one counts half. */
  readonly traces: number;
};

/** What one call may use of one node. */
export type TraceBudget = {
  readonly node: string;
  /** Traces at once; 0: use it only where no other serves; null: as many as the worker thinks right. */
  readonly traces: number | null;
  /** Milliseconds for which it is to be left alone; 0 = not at all. */
  readonly restMs: number;
};

/** A node more, or a longer name, is not worth a larger payload. */
export const mostNodes = 16;
const longestName = 64;
/** The longest rest that is believed. */
const longestRestMs = 10 * 60_000;

export const openBudget: JobBudget = { nodes: [], restsUntilMs: 0 };

/** What a call told at its end, and when. `calls`: the job's calls in flight, this one included. */
export type ToldByCall = {
  readonly reports: readonly NodeReport[];
  /** Above 0: it came back early, because every node asks to be left alone for so long. */
  readonly restMs: number;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly calls: number;
};

/** Books what a call told. Nodes that it does not name are forgotten: they are none of the job's any more. */
export function afterCall(before: JobBudget, told: ToldByCall): JobBudget {
  const { reports, restMs, nowMs } = told;
  const nodes =
    reports.length === 0
      ? before.nodes
      : reports.slice(0, mostNodes).map((report) => {
          const node = report.node.slice(0, longestName);
          const known = before.nodes.find((one) => one.node === node) ?? unknownNode(node);
          return afterReport(known, report, told);
        });
  return { nodes, restsUntilMs: Math.max(before.restsUntilMs, nowMs + bounded(restMs)) };
}

/** Milliseconds until any node may be asked again; 0: now. */
export function restOf({ nodes, restsUntilMs }: JobBudget, nowMs: number): number {
  const soonest = nodes.length === 0 ? 0 : Math.min(...nodes.map((node) => node.restsUntilMs));
  return Math.max(0, restsUntilMs - nowMs, soonest - nowMs);
}

/**
 * What the next call may use.
 * @param inFlight - what the calls under way were given; a node that is not in it counts as one trace.
 * @param calls - calls that the job would have at once; at least 1.
 */
export function shareForNext(
  budget: JobBudget,
  inFlight: readonly (readonly TraceBudget[])[],
  { calls, nowMs }: { readonly calls: number; readonly nowMs: number },
): readonly TraceBudget[] {
  return budget.nodes.map(({ node, traces, restsUntilMs }) => ({
    node,
    traces: traces === null ? null : shareOf(node, traces, { inFlight, calls }),
    restMs: Math.max(0, restsUntilMs - nowMs),
  }));
}

/** Whether a call may begin with that; if not, a call that ends, or a rest that is over, makes room. */
export function hasRoom(share: readonly TraceBudget[]): boolean {
  return share.length === 0 || share.some(({ traces, restMs }) => traces !== 0 && restMs === 0);
}

function shareOf(
  node: string,
  traces: number,
  { inFlight, calls }: { inFlight: readonly (readonly TraceBudget[])[]; calls: number },
): number {
  const taken = inFlight.reduce(
    (sum, grants) => sum + (grants.find((grant) => grant.node === node)?.traces ?? 1),
    0,
  );
  const whole = Math.floor(traces);
  return Math.max(0, Math.min(Math.max(1, Math.floor(whole / calls)), whole - taken));
}

function afterReport(known: NodeBudget, report: NodeReport, told: ToldByCall): NodeBudget {
  const { startedAtMs, nowMs, calls } = told;
  const restMs = bounded(report.restMs);
  const restsUntilMs = Math.max(known.restsUntilMs, restMs > 0 ? nowMs + restMs : 0);
  const rested = { ...known, restsUntilMs, refusals: known.refusals + report.refusals };
  const isNews = startedAtMs >= known.cutAtMs;
  if (!isNews) return rested;
  if (report.refusals > 0) {
    // As many as were there; calls that share a worker share its refusal, and are cut once.
    const there = Math.max(1, Math.ceil(report.traces)) * Math.max(1, calls);
    const cutFrom = Math.min(known.traces ?? there, there);
    return { ...rested, traces: Math.max(1, cutFrom / 2), cutFrom, cutAtMs: nowMs };
  }
  if (known.traces === null || restMs > 0) return rested;
  const traces = known.traces + 1 / Math.max(1, calls);
  return { ...rested, traces: traces > known.cutFrom ? null : traces };
}

function unknownNode(node: string): NodeBudget {
  return { node, traces: null, cutFrom: 0, cutAtMs: -1, restsUntilMs: 0, refusals: 0 };
}

function bounded(restMs: number): number {
  return Math.min(Math.max(0, restMs), longestRestMs);
}
