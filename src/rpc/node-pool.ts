import type { ExecutionNode, NodeCondition, NodePool } from "../activities/ports.ts";
import { hasBlock, orderNodes } from "../domain/node-order.ts";
import { type AppError, NodeUnavailableError } from "../errors.ts";
import type { NodeCapabilities } from "./capabilities.ts";
import type { RawNode } from "./execution-node.ts";
import type { NodeMeters } from "./node-meters.ts";
import type { PooledNode } from "./pooled-node.ts";
import type { ProbedChain, ProbeOptions } from "./probe.ts";
import { untilSettled } from "./until-settled.ts";
import { isStateMissing } from "./whole-block.ts";

/** A node that may be used now, and the chain that it serves. */
export type OpenNode = { readonly node: RawNode; readonly chain: ProbedChain };

/** A node that was asked and is slow does not hold up what others can do. */
const longestLookMs = 2_000;
const gaugeEveryMs = 1_000;
/** While others rest, the return of one that is away may be overlooked for so long. */
const longestOverlookMs = 10_000;
/** The first time, a node that is there and slow may still be the wrong one. */
const longestFirstLookMs = 10_000;

/** What is common to all pools of one network: the chain that its first node showed, and which; null before. */
export type NetworkChain = { known: (ProbedChain & { readonly node: string }) | null };

export type NodePoolOptions = {
  readonly probe: Omit<ProbeOptions, "expectedGenesis">;
  readonly chain: NetworkChain;
  readonly meters: NodeMeters;
  /** The head's traces do not wait for a backfill's. */
  readonly isHead: boolean;
};

/** The nodes of one role. Nodes are shared with the pools of other roles. */
export class RpcNodePool implements NodePool {
  readonly #nodes: readonly PooledNode[];
  readonly #options: NodePoolOptions;
  #leader: PooledNode | undefined;
  #isOpened = false;
  #turn = 0;
  #gaugedAtMs = 0;

  constructor(nodes: readonly PooledNode[], options: NodePoolOptions) {
    this.#nodes = nodes;
    this.#options = options;
  }

  get size(): number {
    return this.#nodes.length;
  }

  get name(): string {
    return this.#nodes.map(({ name }) => name).join(", ");
  }

  /** Half of what the nodes take: two activities share them, and a light trace counts half. */
  get tracesAhead(): number {
    const limits = this.#serving.reduce((sum, { traceLimit }) => sum + traceLimit, 0);
    return Math.max(1, Math.floor(limits));
  }

  /** What each node can do, by its name; null = not known yet. */
  get capabilities(): Readonly<Record<string, NodeCapabilities | null>> {
    return Object.fromEntries(this.#nodes.map((node) => [node.name, node.capabilities]));
  }

  /** The node that small calls go to: the one that the head was taken from. */
  get leader(): PooledNode | undefined {
    return this.#leader?.isServing ? this.#leader : this.#inOrder(null)[0];
  }

  /** Nodes that serve, in the order in which they are to be asked. */
  get serving(): readonly PooledNode[] {
    return this.#inOrder(null);
  }

  lead(node: PooledNode): void {
    this.#leader = node;
  }

  /** A node as this pool's role sees it. */
  view({ node, headNode }: PooledNode): RawNode {
    return this.#options.isHead ? headNode : node;
  }

  /**
   * Sees which nodes may be used: those that serve are asked for their height, new ones and those that were away are
   * probed. The first time every node that answers has to be the network's own.
   * @throws {NodeUnavailableError} when none serves. @throws what forbids the use of a node, the first time of any.
   */
  async open(): Promise<OpenNode> {
    const isFirst = !this.#isOpened;
    const looks = this.#nodes
      .filter((node) => node.isServing || node.isProbeDue || isFirst)
      .map((node) => this.#admit(node));
    await untilSettled(looks, isFirst ? longestFirstLookMs : longestLookMs);
    if (this.#serving.length === 0 && !isFirst) await this.revive();
    this.#compareChains();
    const [first] = this.#serving;
    const chain = first?.chain;
    const [refusal] = this.#refusals;
    if (refusal && isFirst) throw refusal;
    if (!first || !chain) throw this.#whyNone();
    this.#isOpened = true;
    this.#gauge();
    return { node: this.view(this.leader ?? first), chain };
  }

  async choose(
    blockNumber: number,
    tried: ReadonlySet<string>,
    avoided: ReadonlySet<string> = new Set(),
  ): Promise<ExecutionNode | null> {
    this.#probeBesides();
    this.#gauge();
    const found = this.#pick(blockNumber, { tried, avoided });
    if (found) {
      if (tried.size === 0 && (await this.#isElsewhere(blockNumber))) {
        throw this.#notReached(blockNumber);
      }
      const { turn } = found;
      found.beginTrace(this.#turn);
      this.#turn = Math.max(this.#turn, turn);
      return this.view(found);
    }
    if (tried.size > 0) return null;
    const [back] = await this.revive();
    if (back) return this.view(back);
    throw this.#whyNone();
  }

  proved(name: string): void {
    this.#find(name)?.proved();
  }

  contradict(
    name: string,
    { blockNumber, kind, reason }: { blockNumber: number; kind: string; reason: string },
  ): void {
    const node = this.#find(name);
    if (kind === "proof_mismatch") node?.contradict(`block ${blockNumber}, ${reason}`);
    else if (kind === "trace_refused" && isStateMissing(reason)) node?.lacksState(blockNumber);
  }

  conditions(): readonly NodeCondition[] {
    return this.#expected.map(({ name, refusals, restsUntilMs }) => ({
      node: name,
      refusals,
      restMs: Math.max(0, restsUntilMs - Date.now()),
    }));
  }

  rest(name: string, restMs: number): void {
    this.#find(name)?.restFor(restMs);
  }

  restMs(): number | null {
    const nowMs = Date.now();
    const usable = this.#expected.filter((node) => node.isServing || node.restsUntilMs > nowMs);
    const shortest = Math.min(...usable.map(({ restsUntilMs }) => restsUntilMs - nowMs));
    if (!Number.isFinite(shortest) || shortest <= 0) return null;
    return usable.length < this.#expected.length ? Math.min(shortest, longestOverlookMs) : shortest;
  }

  /** The highest head that any node has shown, whether it serves now or not. */
  get highestHead(): number | null {
    const heads = this.#nodes.flatMap(({ head }) => head ?? []);
    return heads.length === 0 ? null : Math.max(...heads);
  }

  get #serving(): readonly PooledNode[] {
    return this.#nodes.filter((node) => node.isServing);
  }

  /** Those that serve, or will when they are back or have rested. */
  get #expected(): readonly PooledNode[] {
    return this.#nodes.filter(({ refusal }) => refusal === null);
  }

  get #refusals(): readonly AppError[] {
    return this.#nodes.flatMap(({ refusal }) => refusal ?? []);
  }

  /** Where one is only away, waiting for it helps; where all must not be used, it does not. */
  #whyNone(): AppError {
    const [refusal] = this.#refusals;
    return refusal && this.#refusals.length === this.size ? refusal : this.unavailable();
  }

  #inOrder(blockNumber: number | null): PooledNode[] {
    const leader = this.#leader?.name;
    return orderNodes(this.#serving, { blockNumber, leader, nowMs: Date.now() });
  }

  #pick(
    blockNumber: number,
    { tried, avoided }: { tried: ReadonlySet<string>; avoided: ReadonlySet<string> },
  ): PooledNode | undefined {
    const untried = this.#inOrder(blockNumber).filter(({ name }) => !tried.has(name));
    const isFree = (node: PooledNode) =>
      !avoided.has(node.name) && node.restsUntilMs <= Date.now() && hasBlock(node, blockNumber);
    const free = untried.filter(isFree);
    const candidates = free.length > 0 ? free : untried;
    // Better one that is not trusted than none: its block is proven like any other.
    return candidates.find(({ isTracing }) => isTracing) ?? candidates[0];
  }

  /** Beside the work: one that is away comes back when its probe is good. */
  #probeBesides(): void {
    if (!this.#isOpened) return;
    for (const node of this.#nodes) {
      if (!node.isServing && node.isProbeDue) void this.#admit(node);
    }
  }

  /** Whether only nodes that are away have shown this block: those that lag know nothing of it yet. */
  async #isElsewhere(blockNumber: number): Promise<boolean> {
    const isBelow = ({ head }: PooledNode) => head !== null && head < blockNumber;
    const hasShown = this.#nodes.some(({ head }) => head !== null && head >= blockNumber);
    if (!hasShown || !this.#serving.every(isBelow)) return false;
    await untilSettled(
      this.#serving.map((node) => this.#admit(node)),
      longestLookMs,
    );
    return this.#serving.every(isBelow);
  }

  /** Where none serves: whoever needs one now does not wait for the time of a trial. */
  async revive(): Promise<readonly PooledNode[]> {
    await Promise.all(this.#nodes.map((node) => this.#admit(node)));
    return this.#serving;
  }

  /** Never rejects: what came of it stands in the node's state. */
  async #admit(node: PooledNode): Promise<void> {
    const { probe, chain } = this.#options;
    try {
      await node.admit({
        ...probe,
        expectedChainId: probe.expectedChainId ?? chain.known?.chainId ?? null,
        expectedGenesis: chain.known?.genesisHash,
      });
    } catch {
      return;
    }
  }

  /** Nodes that are probed side by side meet here: the chain of the first configured one is the network's. */
  #compareChains(): void {
    const { probe, chain } = this.#options;
    const [first] = this.#serving;
    if (first?.chain) chain.known ??= { ...first.chain, node: first.name };
    if (chain.known === null) return;
    for (const node of this.#serving) node.mustServe(probe.network, chain.known);
  }

  #find(name: string): PooledNode | undefined {
    return this.#nodes.find((node) => node.name === name);
  }

  unavailable(): NodeUnavailableError {
    const outages = this.#nodes.flatMap(({ outage }) => outage ?? []);
    const [only] = outages;
    if (this.size === 1 && only) return only;
    const reasons = this.#nodes.map(({ name, why }) => `${name}: ${why}`);
    return new NodeUnavailableError({
      node: this.name,
      method: "none of them serves",
      reason: reasons.join(" | "),
    });
  }

  #notReached(blockNumber: number): NodeUnavailableError {
    const away = this.#nodes.filter((node) => !node.isServing).map(({ name }) => name);
    const lagging = this.#serving.map(({ name, head }) => `${name} has reached ${head}`);
    return new NodeUnavailableError({
      node: away.join(", "),
      method: `block ${blockNumber}`,
      reason: lagging.join(", "),
    });
  }

  /** At most once a second: every block passes here. */
  #gauge(): void {
    if (Date.now() - this.#gaugedAtMs < gaugeEveryMs) return;
    this.#gaugedAtMs = Date.now();
    const highest = this.highestHead;
    for (const node of this.#nodes) {
      this.#options.meters.nodeGauges(this.#options.probe.network, node.name, {
        tracesInFlight: node.tracesInFlight,
        traceLimit: node.traceLimit,
        headLag: highest === null || node.head === null ? null : highest - node.head,
        isServing: node.isServing,
        requestsWaiting: node.requestsWaiting,
      });
    }
  }
}
