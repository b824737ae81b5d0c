/** So many in a row, from requests that the node was well enough to take, are no accident. */
const suspicious = 3;
/** Bounds the memory; a worker has a handful of blocks in hand. */
const maximumRemembered = 1000;

/** One trace that is being asked for. */
export type TraceInFlight = {
  /** It came whole, so that what was lost before was an accident. */
  readonly arrived: () => void;
  /** Whether no other trace is in flight, so that a node that goes away now goes because of this one. */
  readonly isAlone: () => boolean;
  /** It came to nothing, through its own fault as far as can be seen. */
  readonly lost: () => void;
  /** To be called at the end, however it came. */
  readonly end: () => void;
};

/**
 * Remembers which traces of a node came to nothing, so that a block which breaks its node or a proxy before it is told
 * from a node that is away: without that it would hold its range for ever.
 */
export class LostTraces {
  readonly #losses = new Map<string, number>();
  readonly #inFlight = new Set<TraceInFlight>();

  /** @param trace - Names the trace: the block and the tracer. */
  begin(trace: string): TraceInFlight {
    const one: TraceInFlight = {
      arrived: () => this.forget(trace),
      isAlone: () => this.#inFlight.size === 1,
      lost: () => this.#count(trace),
      end: () => this.#inFlight.delete(one),
    };
    this.#inFlight.add(one);
    return one;
  }

  isSuspect(trace: string): boolean {
    return (this.#losses.get(trace) ?? 0) >= suspicious;
  }

  forget(trace: string): void {
    this.#losses.delete(trace);
  }

  #count(trace: string): void {
    this.#losses.set(trace, (this.#losses.get(trace) ?? 0) + 1);
    const [oldest] = this.#losses.keys();
    if (this.#losses.size > maximumRemembered && oldest !== undefined) this.forget(oldest);
  }
}
