import { CancellationScope, condition, isCancellation } from "@temporalio/workflow";

/**
 * How long a run that is due to continue as new waits for what it started. Chunks take about 25 s; what is not back
 * by then stands still (a node that is away for hours), and is cancelled and started anew by the next run.
 */
const grace = "2 minutes";

/** The work a run has started and not yet heard the end of. */
export class InFlight {
  private readonly scope = new CancellationScope();
  private count = 0;

  /** Starts work beside the caller. Its failures are its own to handle: any other than cancellation fails the workflow task. */
  start(work: () => Promise<void>): void {
    this.count += 1;
    void this.run(work);
  }

  private async run(work: () => Promise<void>): Promise<void> {
    try {
      await this.scope.run(work);
    } catch (error) {
      if (!isCancellation(error)) throw error;
    } finally {
      this.count -= 1;
    }
  }

  get size(): number {
    return this.count;
  }

  /** Waits until all work has ended, cancelling what takes longer than the grace. */
  async settle(): Promise<void> {
    if (this.count === 0) return;
    const inTime = await condition(() => this.count === 0, grace, {
      summary: "waits for the work in flight before continuing as new",
    });
    if (!inTime) this.scope.cancel();
    await condition(() => this.count === 0);
  }

  /** Cancels all work and waits until it has ended. Works within a cancelled workflow too. */
  async drain(): Promise<void> {
    this.scope.cancel();
    await CancellationScope.nonCancellable(() => condition(() => this.count === 0));
  }
}
