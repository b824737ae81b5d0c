const windowMs = 10_000;

/** How fast a count grows, over the last 10 seconds. */
export class RateWindow {
  readonly #samples: { readonly atMs: number; readonly count: number }[] = [];

  /** Takes the count of now; one that sank (a killed worker's heartbeats are gone) starts afresh. @returns Per second. */
  add(count: number, atMs = Date.now()): number {
    if (count < (this.#samples.at(-1)?.count ?? 0)) this.#samples.length = 0;
    this.#samples.push({ atMs, count });
    while (this.#samples.length > 2 && (this.#samples[0]?.atMs ?? 0) < atMs - windowMs) {
      this.#samples.shift();
    }
    const first = this.#samples[0];
    if (first === undefined || first.atMs === atMs) return 0;
    return ((count - first.count) * 1000) / (atMs - first.atMs);
  }
}
