import {
  afterCall,
  hasRoom,
  type JobBudget,
  openBudget,
  restOf,
  shareForNext,
  type TraceBudget,
} from "../domain/node-budget.ts";
import { formatDuration, formatTime } from "./details.ts";
import type { IndexBlocksResult } from "./index-activities.ts";
import type { NodeProgress } from "./waiting.ts";

/** A call under way, and what it was given. */
type Call = { readonly grant: readonly TraceBudget[]; readonly startedAtMs: number };

/** What a job lets its calls have of each node, and what they told. Pure: the workflow asks it and tells it. */
export class NodeBudgets {
  private budget: JobBudget;
  private calls: readonly Call[] = [];

  constructor(budget: JobBudget | undefined) {
    this.budget = budget ?? openBudget;
  }

  /** Whether one more call may begin. @param most - calls that the job would have at once. */
  mayBegin(most: number, nowMs: number): boolean {
    return this.restMs(nowMs) === 0 && hasRoom(this.grant(most, nowMs));
  }

  /** Milliseconds for which every node asks to be left alone; 0: not at all. */
  restMs(nowMs: number): number {
    return restOf(this.budget, nowMs);
  }

  /** One call, with what the job decided of its nodes; books what it tells of them. */
  async during(
    most: number,
    work: (traceBudgets: readonly TraceBudget[]) => Promise<IndexBlocksResult>,
  ): Promise<IndexBlocksResult> {
    const call = this.begin(most, Date.now());
    let result: IndexBlocksResult | null = null;
    try {
      result = await work(call.grant);
      return result;
    } finally {
      this.end(call, result, Date.now());
    }
  }

  /** Takes what one more call may have, to be ended once. Where none may begin the call comes back early. */
  begin(most: number, nowMs: number): Call {
    const call = { grant: this.grant(most, nowMs), startedAtMs: nowMs };
    this.calls = [...this.calls, call];
    return call;
  }

  /** The end of a call. @param result - null: it failed, and told nothing. */
  end(call: Call, result: IndexBlocksResult | null, nowMs: number): void {
    if (result?.nodes || result?.restMs) {
      this.budget = afterCall(this.budget, {
        reports: result.nodes ?? [],
        restMs: result.restMs ?? 0,
        startedAtMs: call.startedAtMs,
        nowMs,
        calls: this.calls.length,
      });
    }
    this.calls = this.calls.filter((other) => other !== call);
  }

  /** Why nothing begins, in words; null where nodes are not the reason. */
  waitingFor(nowMs: number): string | null {
    const restMs = this.restMs(nowMs);
    if (restMs === 0) return null;
    const resting = this.budget.nodes.filter(({ restsUntilMs }) => restsUntilMs > nowMs);
    const names = resting.map(({ node }) => node).join(", ");
    const who = resting.length === 1 ? `node ${names}, which asks` : `nodes ${names}, which ask`;
    const until = formatTime(new Date(nowMs + restMs).toISOString());
    const wait = `to wait ${formatDuration(Math.ceil(restMs / 1000))}, until ${until}`;
    return `${resting.length === 0 ? "its nodes, which ask" : who} ${wait}`;
  }

  /** What people see; undefined where no node refused yet. */
  progress(nowMs: number): readonly NodeProgress[] | undefined {
    const { nodes } = this.budget;
    if (nodes.length === 0) return undefined;
    return nodes.map(({ node, traces, refusals, restsUntilMs }) => ({
      node,
      traces: traces === null ? null : Math.floor(traces),
      refusals,
      restsUntil: restsUntilMs > nowMs ? new Date(restsUntilMs).toISOString() : null,
    }));
  }

  /** What the next run goes on from; undefined where nothing was decided. */
  get state(): JobBudget | undefined {
    return this.budget === openBudget ? undefined : this.budget;
  }

  private grant(most: number, nowMs: number): readonly TraceBudget[] {
    const inFlight = this.calls.map(({ grant }) => grant);
    return shareForNext(this.budget, inFlight, { calls: most, nowMs });
  }
}
