import { mayBegin, traceWeight } from "../../domain/trace-limit.ts";

type Waiting = { readonly weight: number; readonly begin: () => void };

/** Traces that one call may have at one node at once. */
export class TraceShare {
  readonly #limit: number;
  #inFlight = 0;
  #most = 0;
  #waiting: Waiting[] = [];

  /** @param limit - null: as many as come. */
  constructor(limit: number | null) {
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
  }

  /** The most that were under way at once; a light one counts half. */
  get most(): number {
    return this.#most;
  }

  /** Waits for a turn. @returns its end. @throws the signal's reason when it fires first. */
  begin(gasUsed: number, signal: AbortSignal): Promise<() => void> {
    const known = traceWeight({ typicalGas: null }, gasUsed);
    const weight = Number.isFinite(known) ? known : 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== one);
        reject(signal.reason);
      };
      const one: Waiting = {
        weight,
        begin: () => {
          signal.removeEventListener("abort", leave);
          resolve(() => this.#end(weight));
        },
      };
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(one);
      this.#admit();
    });
  }

  #end(weight: number): void {
    this.#inFlight -= weight;
    this.#admit();
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (!mayBegin({ limit: this.#limit }, this.#inFlight, next.weight)) return;
      this.#waiting.shift();
      this.#inFlight += next.weight;
      this.#most = Math.max(this.#most, this.#inFlight);
      next.begin();
    }
  }
}
