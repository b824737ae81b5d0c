type Sample = {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly blocks: number;
  readonly rows: number;
};
type Rate = { readonly blocksPerSecond: number; readonly rowsPerSecond: number };

/** Chunks take about 25 s: two dozen of them show the last minutes. */
const maximumSamples = 24;

/** Measures speed from the chunks that ended last, as many as ran side by side. */
export class Throughput {
  private samples: Sample[] = [];

  add(sample: Sample): void {
    this.samples = [...this.samples, sample].slice(-maximumSamples);
  }

  /** Forgets what was measured: after a pause the old samples would count the standstill. */
  reset(): void {
    this.samples = [];
  }

  /** Blocks and rows a second between the first start and the last end; 0 before anything ended. */
  get rate(): Rate {
    const startedAtMs = Math.min(...this.samples.map((sample) => sample.startedAtMs));
    const endedAtMs = Math.max(...this.samples.map((sample) => sample.endedAtMs));
    const seconds = (endedAtMs - startedAtMs) / 1000;
    if (this.samples.length === 0 || seconds <= 0) return { blocksPerSecond: 0, rowsPerSecond: 0 };
    const total = (count: (sample: Sample) => number) =>
      this.samples.reduce((sum, sample) => sum + count(sample), 0) / seconds;
    return {
      blocksPerSecond: total((sample) => sample.blocks),
      rowsPerSecond: total((sample) => sample.rows),
    };
  }
}
