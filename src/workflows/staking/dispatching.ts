/** How long other work makes way at the most. */
const longestMs = 1000;

/** Knows whether transactions are being brought on their way, so that what is less urgent makes way for a moment. */
export class Dispatching {
  private lanes = 0;
  private untilMs = 0;

  async run(work: () => Promise<void>): Promise<void> {
    if (this.lanes === 0) this.untilMs = Date.now() + longestMs;
    this.lanes += 1;
    try {
      await work();
    } finally {
      this.lanes -= 1;
    }
  }

  /** @param isNext - whether a lane is going to start in this very step. */
  isUnderWay(isNext: () => boolean): boolean {
    return this.lanes > 0 ? Date.now() < this.untilMs : isNext();
  }

  /** When nothing makes way any more; null: nothing does. Epoch milliseconds. */
  get endsAtMs(): number | null {
    return this.lanes > 0 ? this.untilMs : null;
  }
}
