import {
  afterAnswer,
  afterRefusal,
  noRest,
  type Rest,
  restLeft,
  restUntil,
  restWords,
} from "../domain/rest.ts";
import {
  afterTrace,
  afterTraceFailure,
  mayBegin,
  startTraceLimit,
  traceWeight,
} from "../domain/trace-limit.ts";
import type { NodeFault } from "./node-observer.ts";

export type TurnWanted = {
  /** What the block used; undefined: unknown, it counts as heavy. */
  readonly gasUsed?: number | undefined;
  /** It was too large for the node once: it runs alone. */
  readonly isMassive?: boolean | undefined;
  /** The head's trace does not wait for those of a backfill. */
  readonly isHead?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A trace that may run now. */
export type TraceTurn = {
  /** It came whole. */
  readonly done: (sample: { readonly seconds: number; readonly bytes: number }) => void;
  /** It failed by the node's doing. */
  readonly failed: (fault: NodeFault) => void;
  /** To be called at the end, however it came. */
  readonly end: () => void;
};

/** Lets as many traces of a node run at once as it can take. */
export type TraceGate = {
  /** Waits for a turn. @throws {NodeRests} @throws the signal's reason when it fires first. */
  readonly take: (wanted: TurnWanted) => Promise<TraceTurn>;
};

/** The node asked to be left alone: who can go to another node does not wait for this one. */
export class NodeRests extends Error {
  override readonly name = "NodeRests";
}

const freeTurn: TraceTurn = { done: () => {}, failed: () => {}, end: () => {} };
/** For a node whose traces nobody counts. */
export const ungated: TraceGate = { take: async () => freeTurn };

type Turn = { readonly weight: number; readonly isHead: boolean };
type Waiting = Turn & { readonly begin: () => void; readonly refuse: (error: Error) => void };

/** The gate of one node in this process; its limit follows what the node can take. */
export class AdaptiveTraceGate implements TraceGate {
  #limit;
  readonly #running = new Set<Turn>();
  #waiting: Waiting[] = [];
  #rest: Rest = noRest;

  constructor(maximumTraces: number) {
    this.#limit = startTraceLimit(maximumTraces);
  }

  /** Traces at once, as the node is known now. */
  get limit(): number {
    return this.#limit.limit;
  }

  /** Traces under way. */
  get inFlight(): number {
    return this.#running.size;
  }

  /** Weights of the traces under way and waiting, as a share of the limit. */
  get load(): number {
    const weights = [...this.#running, ...this.#waiting].map(({ weight }) => weight);
    return weights.reduce((sum, weight) => sum + Math.min(weight, this.limit), 0) / this.limit;
  }

  /** When the node may be asked again after it refused for now. */
  get restsUntilMs(): number {
    return this.#rest.untilMs;
  }

  /** Times that it refused for now; all that were under way together count once. */
  get refusals(): number {
    return this.#rest.refusals;
  }

  /** The node asks to be left alone. @param retryAfterMs - null: it does not say for how long. */
  rest(retryAfterMs: number | null): void {
    this.#rest = afterRefusal(this.#rest, Date.now(), retryAfterMs);
    this.#sendAway();
  }

  /** Another worker was asked to leave it alone until then. */
  restUntil(untilMs: number): void {
    this.#rest = restUntil(this.#rest, untilMs);
    if (restLeft(this.#rest, Date.now()) > 0) this.#sendAway();
  }

  async take({ gasUsed, isMassive, isHead = false, signal }: TurnWanted): Promise<TraceTurn> {
    signal?.throwIfAborted();
    if (restLeft(this.#rest, Date.now()) > 0) throw this.#resting();
    const weight = isMassive ? Number.POSITIVE_INFINITY : traceWeight(this.#limit, gasUsed);
    const turn = { weight, isHead };
    const isFree = this.#waiting.length === 0 && this.#mayBegin(turn);
    if (isFree) this.#running.add(turn);
    else await this.#wait(turn, signal);
    return this.#toTurn(turn, gasUsed);
  }

  #toTurn(turn: Turn, gasUsed: number | undefined): TraceTurn {
    const begunAtMs = Date.now();
    const { weight, isHead } = turn;
    const inFlight = this.#counted;
    const wasFull = !mayBegin(this.#limit, inFlight, weight);
    return {
      done: ({ seconds, bytes }) => {
        this.#rest = afterAnswer(this.#rest);
        if (isHead) return;
        const sample = { seconds, bytes, weight, gasUsed, inFlight, wasFull };
        this.#limit = afterTrace(this.#limit, sample);
      },
      failed: ({ kind, retryAfterMs }) => {
        this.#limit = afterTraceFailure(this.#limit, { begunAtMs, nowMs: Date.now() });
        if (kind === "rate_limited" || retryAfterMs !== null) this.rest(retryAfterMs);
      },
      end: () => {
        if (this.#running.delete(turn)) this.#admit();
      },
    };
  }

  #sendAway(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.refuse(this.#resting());
  }

  #resting(): NodeRests {
    return new NodeRests(restWords(restLeft(this.#rest, Date.now())));
  }

  #wait(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== one);
        reject(signal?.reason);
        this.#admit();
      };
      const one: Waiting = {
        ...turn,
        begin: () => {
          signal?.removeEventListener("abort", leave);
          this.#running.add(turn);
          resolve();
        },
        refuse: (error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(one);
      this.#admit();
    });
  }

  /** Begins those that wait, the head's first, each in its turn: a massive one is not passed by for ever. */
  #admit(): void {
    for (;;) {
      const next = this.#waiting.find(({ isHead }) => isHead) ?? this.#waiting[0];
      if (next === undefined || !this.#mayBegin(next)) return;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      next.begin();
    }
  }

  #mayBegin({ weight, isHead }: Turn): boolean {
    // A slot of its own: the head never waits behind a backfill.
    if (isHead && ![...this.#running].some((turn) => turn.isHead)) return true;
    return mayBegin(this.#limit, this.#counted, weight);
  }

  /** Weights under way, but for one trace of the head: that slot is its own. */
  get #counted(): number {
    let sum = 0;
    let isReserveSeen = false;
    for (const { weight, isHead } of this.#running) {
      const isReserve = isHead && !isReserveSeen;
      if (isReserve) isReserveSeen = true;
      else sum += weight;
    }
    return sum;
  }
}
