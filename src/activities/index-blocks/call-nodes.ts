import { mostNodes, type NodeReport, type TraceBudget } from "../../domain/node-budget.ts";
import type { ExecutionNode, NodePool } from "../ports.ts";
import { TraceShare } from "./trace-share.ts";

export type CallBudget = {
  /** What the workflow decided; undefined: it decides nothing. */
  readonly budgets: readonly TraceBudget[] | undefined;
  /** What attempts of this call that were lost had to tell. */
  readonly earlier: readonly NodeReport[];
};

/**
 * The nodes as one call may use them: by what its workflow decided, and by what was heard of them elsewhere. It tells
 * at the end what it heard itself.
 */
export class CallNodes implements NodePool {
  /** Whether the workflow waits for nodes that rest, so that no worker has to. */
  readonly isHeededByWorkflow: boolean;
  readonly #pool: NodePool;
  readonly #budgets: readonly TraceBudget[];
  readonly #earlier: readonly NodeReport[];
  readonly #shares = new Map<string, TraceShare>();
  readonly #refusalsBefore: ReadonlyMap<string, number>;
  /** Where other calls of the job have all the traces that it allows. */
  readonly #avoided: ReadonlySet<string>;

  constructor(pool: NodePool, { budgets, earlier }: CallBudget) {
    this.isHeededByWorkflow = budgets !== undefined;
    this.#pool = pool;
    this.#budgets = budgets ?? [];
    this.#earlier = earlier;
    this.#avoided = new Set(
      this.#budgets.flatMap(({ node, traces }) => (traces === 0 ? node : [])),
    );
    // Where nobody waits for a rest, one that was told by the attempt before would be told for ever.
    for (const { node, restMs } of [...this.#budgets, ...(budgets ? earlier : [])]) {
      if (restMs > 0) pool.rest(node, restMs);
    }
    this.#refusalsBefore = new Map(pool.conditions().map(({ node, refusals }) => [node, refusals]));
  }

  get size(): number {
    return this.#pool.size;
  }

  get tracesAhead(): number {
    return this.#pool.tracesAhead;
  }

  choose(blockNumber: number, tried: ReadonlySet<string>): Promise<ExecutionNode | null> {
    return this.#pool.choose(blockNumber, tried, this.#avoided);
  }

  proved(node: string): void {
    this.#pool.proved(node);
  }

  contradict(node: string, fault: Parameters<NodePool["contradict"]>[1]): void {
    this.#pool.contradict(node, fault);
  }

  restMs(): number | null {
    return this.#pool.restMs();
  }

  conditions(): ReturnType<NodePool["conditions"]> {
    return this.#pool.conditions();
  }

  rest(node: string, restMs: number): void {
    this.#pool.rest(node, restMs);
  }

  /**
   * Waits until this call may have one more trace at a node.
   * @returns what is to be called at its end. @throws the signal's reason when it fires first.
   */
  beginTrace(node: string, gasUsed: number, signal: AbortSignal): Promise<() => void> {
    return this.#shareOf(node).begin(gasUsed, signal);
  }

  /** What the workflow should know; undefined where nothing was heard and it decided nothing. */
  report(): readonly NodeReport[] | undefined {
    const reports = this.#pool
      .conditions()
      .slice(0, mostNodes)
      .map(({ node, refusals, restMs }): NodeReport => {
        const before = this.#earlier.find((one) => one.node === node);
        const heard = refusals - (this.#refusalsBefore.get(node) ?? refusals);
        return {
          node,
          refusals: heard + (before?.refusals ?? 0),
          restMs: Math.ceil(restMs),
          traces: Math.max(this.#shares.get(node)?.most ?? 0, before?.traces ?? 0),
        };
      });
    const isWorthTelling =
      this.#budgets.length > 0 || reports.some(({ refusals, restMs }) => refusals + restMs > 0);
    return isWorthTelling && reports.length > 0 ? reports : undefined;
  }

  #shareOf(node: string): TraceShare {
    const known = this.#shares.get(node);
    if (known) return known;
    const budget = this.#budgets.find((one) => one.node === node);
    // At a node that it should avoid it has one trace all the same: no other was left.
    const share = new TraceShare(budget?.traces == null ? null : Math.max(1, budget.traces));
    this.#shares.set(node, share);
    return share;
  }
}
