/**
 * What the proxy does to a trace: `refused` a JSON-RPC error, `short` valid JSON whose last transaction lost its last
 * steps, `cut` the connection breaks in the middle, `hang` no answer, `garbage` no JSON, `empty` traces without steps,
 * `wrongBlock` the trace of another block, `drip` the answer in small pieces, `tooManyRequests` HTTP 429 with a
 * Retry-After, `tooManyRequestsBare` without, `unavailable` HTTP 503.
 */
export const faults = [
  "refused",
  "short",
  "cut",
  "hang",
  "garbage",
  "empty",
  "wrongBlock",
  "drip",
  "tooManyRequests",
  "tooManyRequestsBare",
  "unavailable",
] as const;
export type Fault = (typeof faults)[number];

/** Which traces go wrong, and how often still. */
export class FaultPlan {
  readonly #faults = new Map<string, { fault: Fault; left: number }>();
  readonly #hashByNumber = new Map<number, string>();
  readonly #next: Fault[] = [];
  readonly #injected: { readonly block: string; readonly fault: Fault }[] = [];

  /** From now on the next `times` traces of a block fail. A second call for a block replaces the first. */
  failBlock(block: number | string, fault: Fault, times = 1): void {
    this.#faults.set(keyOf(block), { fault, left: times });
  }

  /** The next trace that nothing else is planned for fails, whichever block it is of. Several wait for their turn. */
  failNext(fault: Fault): void {
    this.#next.push(fault);
  }

  /** Nothing fails any more but what is under way. */
  clear(): void {
    this.#faults.clear();
    this.#next.length = 0;
  }

  /** Another block than this one, by its hash; undefined: none was seen. */
  otherThan(blockHash: string): string | undefined {
    return [...this.#hashByNumber.values()].find((hash) => hash !== blockHash.toLowerCase());
  }

  /** The proxy saw which hash stands at a number. */
  learn(blockNumber: number, blockHash: string): void {
    this.#hashByNumber.set(blockNumber, blockHash.toLowerCase());
  }

  /** The fault for a trace of this block, counted down; undefined: it goes well. */
  take(block: number | string): Fault | undefined {
    for (const key of this.#keysOf(block)) {
      const planned = this.#faults.get(key);
      if (planned === undefined || planned.left === 0) continue;
      planned.left -= 1;
      this.#injected.push({ block: key, fault: planned.fault });
      return planned.fault;
    }
    const fault = this.#next.shift();
    if (fault !== undefined) this.#injected.push({ block: keyOf(block), fault });
    return fault;
  }

  /** Every fault that was really done to a trace, oldest first. */
  get injected(): readonly { readonly block: string; readonly fault: Fault }[] {
    return this.#injected;
  }

  /** A block by all its names: the one given, and number for hash or hash for number as far as seen. */
  #keysOf(block: number | string): string[] {
    const key = keyOf(block);
    const others = [...this.#hashByNumber]
      .filter(([number, hash]) => String(number) === key || hash === key)
      .flatMap(([number, hash]) => [String(number), hash]);
    return [key, ...others.filter((other) => other !== key)];
  }
}

/** A number in decimal or a hash in lower case; `0x10` is the number 16. */
function keyOf(block: number | string): string {
  if (typeof block === "number") return String(block);
  return block.length === 66 ? block.toLowerCase() : String(Number(block));
}
