import type { NodeFacts } from "../domain/node-order.ts";
import { restWords } from "../domain/rest.ts";
import { type AppError, NodeUnavailableError, WrongChainError } from "../errors.ts";
import type { NodeCapabilities } from "./capabilities.ts";
import type { Endpoint } from "./endpoint.ts";
import { createNodeViews, type RawNode } from "./execution-node.ts";
import { NodeAbilities } from "./node-abilities.ts";
import { NodeHealth } from "./node-health.ts";
import type { NodeListener } from "./node-meters.ts";
import type { NodeFault } from "./node-observer.ts";
import { NodeVoice } from "./node-voice.ts";
import { type ProbedChain, type ProbeOptions, probeNode } from "./probe.ts";
import { NodePace } from "./request-pace.ts";
import { createStepsCheck, type StepsCheck } from "./steps-check.ts";
import { AdaptiveTraceGate } from "./trace-gate.ts";
import { TraceTrust } from "./trace-trust.ts";

/** A node may be replaced by another version between two requests. */
const probeAgeMs = 5 * 60_000;

export type PooledNodeOptions = {
  readonly network: string;
  readonly endpoint: Endpoint;
  readonly roles: readonly string[];
  readonly maximumTraces: number;
  /** JSON-RPC calls a second from this process; null: as many as come. */
  readonly requestsPerSecond: number | null;
  readonly traceTimeoutMs: number;
  readonly listener: NodeListener;
};

/** A node and all that this process has learnt of it. */
export class PooledNode implements NodeFacts {
  readonly name: string;
  readonly roles: readonly string[];
  readonly node: RawNode;
  /** The same node, whose requests and traces do not wait for a backfill's. */
  readonly headNode: RawNode;
  readonly #voice: NodeVoice;
  readonly #gate: AdaptiveTraceGate;
  readonly #pace: NodePace;
  readonly #abilities: NodeAbilities;
  #checkSteps: StepsCheck;
  readonly #health: NodeHealth;
  readonly #trust = new TraceTrust();
  #chain: ProbedChain | null = null;
  #probedAtMs = 0;
  #head: number | null = null;
  #turn = 0;
  #traces: NodeCapabilities["traces"] = "undecided";
  #admission: Promise<void> | null = null;

  constructor(options: PooledNodeOptions) {
    const { network, endpoint, roles, maximumTraces, traceTimeoutMs, listener } = options;
    this.#voice = new NodeVoice(listener, { network, node: endpoint.name });
    this.#health = new NodeHealth(this.#voice);
    this.name = endpoint.name;
    this.roles = roles;
    this.#gate = new AdaptiveTraceGate(maximumTraces);
    this.#pace = new NodePace(options.requestsPerSecond);
    this.#abilities = new NodeAbilities(endpoint);
    const watch = {
      gate: this.#gate,
      costs: this.#abilities.costs,
      pace: this.#pace,
      observer: {
        answered: (seconds: number) => {
          this.#voice.request(seconds);
          this.#pace.answered();
          this.#health.answered();
        },
        failed: (fault: NodeFault) => this.#onFault(fault),
      },
      onTraced: (fault: NodeFault | null) => this.#onTraced(fault),
      onCode: (whyNot: string | null) => this.#onCode(whyNot),
    };
    const { head, bulk } = createNodeViews(endpoint, { traceTimeoutMs }, watch);
    this.node = bulk;
    this.headNode = head;
    this.#checkSteps = createStepsCheck(this.headNode);
  }

  get head(): number | null {
    return this.#head;
  }
  get noStateUpTo(): number | null {
    return this.#abilities.noStateUpTo;
  }
  get load(): number {
    return this.#gate.load;
  }
  get turn(): number {
    return this.#turn;
  }
  get traceLimit(): number {
    return this.#gate.limit;
  }
  get tracesInFlight(): number {
    return this.#gate.inFlight;
  }
  get restsUntilMs(): number {
    return this.#gate.restsUntilMs;
  }
  /** Whether it asked to be left alone as a whole, and not only with traces. */
  get isResting(): boolean {
    return this.#pace.restsUntilMs > Date.now();
  }
  /** Times that it said to be asked too often; all that were under way together count once. */
  get refusals(): number {
    return this.#gate.refusals;
  }
  /** Requests that wait for the configured pace. */
  get requestsWaiting(): number {
    return this.#pace.waiting;
  }
  get chain(): ProbedChain | null {
    return this.#chain;
  }
  get outage(): NodeUnavailableError | null {
    return this.#health.outage;
  }
  /** Why it does not serve, in words. */
  get why(): string {
    if (this.isResting) return restWords(this.#pace.restsUntilMs - Date.now());
    return this.#health.why;
  }
  /** null before it was probed. */
  get capabilities(): NodeCapabilities | null {
    if (this.#chain === null) return null;
    return {
      clientVersion: this.#chain.clientVersion,
      traces: this.#traces,
      ...this.#abilities.facts,
      singlesFromGas: this.node.singlesFromGas,
      tracesAtOnce: this.#gate.limit,
    };
  }
  get refusal(): AppError | null {
    return this.#health.refusal;
  }

  /** Probed, and answers. */
  get isServing(): boolean {
    return this.#chain !== null && this.#health.isWell;
  }

  /** Whether its traces are asked for. */
  get isTracing(): boolean {
    return this.#trust.isGiven;
  }

  /**
   * To be called for the node that gets a block.
   * @param turn - that of the block given out before: a node that was away does not get all that it missed.
   */
  beginTrace(turn: number): void {
    this.#turn = Math.max(this.#turn, turn) + 1 / this.traceLimit;
    this.#trust.begin();
  }

  /** Whether it may be probed now: never before, or the time that it is left alone, or asked to be, is over. */
  get isProbeDue(): boolean {
    return !this.isServing && this.#health.isTrialDue && this.restsUntilMs <= Date.now();
  }

  /** Another worker was asked to leave it alone with traces for so long. */
  restFor(restMs: number): void {
    this.#gate.restUntil(Date.now() + restMs);
  }

  saw(head: number): void {
    this.#head = head;
  }

  /** It has no state of this block: nor, by all experience, of those before it. */
  lacksState(blockNumber: number): void {
    this.#abilities.lacksState(blockNumber);
  }

  /** Another node has proven what this one said otherwise. */
  contradict(why: string): void {
    this.#trust.contradicted();
    this.#voice.fault("contradicted");
    this.#voice.report("serving", `another node proved otherwise: ${why}`);
  }

  /** Refuses it where it serves another chain than the network's other nodes. */
  mustServe(network: string, known: ProbedChain & { readonly node: string }): void {
    const chain = this.#chain;
    if (chain === null || chain.genesisHash === known.genesisHash) return;
    const isOtherId = chain.chainId !== known.chainId;
    this.#health.refuse(
      new WrongChainError({
        network,
        node: this.name,
        like: known.node,
        what: isOtherId ? "chain id" : "genesis hash",
        expected: isOtherId ? known.chainId : known.genesisHash,
        actual: isOtherId ? chain.chainId : chain.genesisHash,
      }),
    );
  }

  /** A block of its is proven: a node that was contradicted is trusted again. */
  proved(): void {
    this.#trust.proved();
  }

  /**
   * Asks whether it may be used: its height where it serves, all that it says of itself where it was away or is new.
   * Callers at the same time share one answer. A node that asks to be left alone is not asked: it serves if it did.
   * @throws {NodeUnavailableError} @throws what forbids its use.
   */
  admit(probe: ProbeOptions): Promise<void> {
    this.#admission ??= this.#admit(probe).finally(() => {
      this.#admission = null;
    });
    return this.#admission;
  }

  async #admit(probe: ProbeOptions): Promise<void> {
    const wasServing = this.isServing;
    if (wasServing && this.isResting) return;
    const restMs = this.restsUntilMs - Date.now();
    if (!wasServing && restMs > 0) throw this.#resting(restMs);
    this.#health.beginTrial();
    try {
      const isProbeOld = !wasServing || Date.now() - this.#probedAtMs >= probeAgeMs;
      if (isProbeOld) await this.#probe(probe);
      this.#head = await this.headNode.height();
      if (isProbeOld) await this.#abilities.probe(this.headNode, this.#head);
      // It looks for a trace that has steps: not while the node wants no traces.
      if (restMs <= 0) {
        this.#traces = (await this.#checkSteps()) === "steps" ? "seen" : "undecided";
      }
      this.#health.admitted(wasServing);
      this.#tellAbilities();
    } catch (error) {
      this.#health.notAdmitted(error, wasServing && this.isResting);
      throw error;
    }
  }

  /** What was learnt of another version does not hold for this one. */
  async #probe(options: ProbeOptions): Promise<void> {
    const before = this.#chain?.clientVersion;
    this.#chain = await probeNode(this.headNode, options);
    this.#voice.clientVersion = this.#chain.clientVersion;
    this.#probedAtMs = Date.now();
    const { clientVersion } = this.#chain;
    if (before === undefined || before === clientVersion) return;
    this.#checkSteps = createStepsCheck(this.headNode);
    this.#abilities.forget();
    this.#voice.report("serving", `it is another version now; it was ${before}`);
  }

  #onFault(fault: NodeFault): void {
    this.#voice.fault(fault.kind);
    if (fault.kind === "rate_limited" || fault.retryAfterMs !== null) {
      this.#gate.rest(fault.retryAfterMs);
      this.#pace.refused(fault.retryAfterMs);
    }
    // It is there, and says that it is asked too often.
    if (fault.kind !== "rate_limited") this.#health.failed(fault);
  }

  #onTraced(fault: NodeFault | null): void {
    if (fault === null) {
      this.#trust.came();
      return;
    }
    this.#voice.fault(fault.kind);
    if (fault.kind !== "rate_limited") this.#trust.failed();
  }

  /** Said once: a chain may have such a call in every block. */
  #onCode(whyNot: string | null): void {
    if (!this.#abilities.saidCode(whyNot === null)) return;
    this.#voice.report(
      "serving",
      `it does not say which accounts have code, so blocks stay unverified whose proof has to ask: ${whyNot}`,
    );
  }

  #resting(restMs: number): NodeUnavailableError {
    const reason = restWords(restMs);
    this.#health.notAsked(reason);
    return new NodeUnavailableError({ node: this.name, method: "probe", reason });
  }

  #tellAbilities(): void {
    const { capabilities } = this;
    if (this.#abilities.takeNews() && capabilities !== null) this.#voice.learnt(capabilities);
  }
}
