import { median } from "../benchmark.ts";
import { readCpuSeconds } from "./machine.ts";

/** What each process of a benchmark used, run by run. */
export class CpuShares {
  readonly #pids: Readonly<Record<string, number>>;
  readonly #used = new Map<string, number[]>();

  constructor(pids: Readonly<Record<string, number>>) {
    this.#pids = pids;
  }

  /** Runs `work` and keeps what each process used per unit of what it says it made. */
  async during<Result>(
    work: () => Promise<Result>,
    units: (result: Result) => number,
  ): Promise<Result> {
    const before = await this.#read();
    const result = await work();
    const after = await this.#read();
    for (const [name, seconds] of after) {
      const used = (seconds - (before.get(name) ?? 0)) / units(result);
      this.#used.set(name, [...(this.#used.get(name) ?? []), used]);
    }
    return result;
  }

  /** The median of each process over all runs. */
  medians(): Record<string, number> {
    return Object.fromEntries([...this.#used].map(([name, used]) => [name, median(used)]));
  }

  async #read(): Promise<Map<string, number>> {
    const read = Object.entries(this.#pids).map(
      async ([name, pid]): Promise<[string, number]> => [name, await readCpuSeconds(pid)],
    );
    return new Map(await Promise.all(read));
  }
}
