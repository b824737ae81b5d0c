import type { ReleaseRequest } from "./messages.ts";
import { maximumRanges } from "./messages.ts";
import type { ParsedRelease } from "./requests.ts";

/** Requests that wait at once: each is one query to the ledger, so that more only come while it is paused or away. */
const maximumRequests = 200;

/** Releases that wait for their turn, oldest first. */
export class ReleaseQueue {
  private waiting: readonly ReleaseRequest[];

  constructor(waiting: readonly ReleaseRequest[]) {
    this.waiting = waiting;
  }

  get pending(): readonly ReleaseRequest[] {
    return this.waiting;
  }

  get first(): ReleaseRequest | undefined {
    return this.waiting[0];
  }

  /** Queues a release. @returns why it does not fit, or null. */
  add({ ranges, kind, reason, actor }: ParsedRelease): string | null {
    const blocks = ranges.map(({ fromBlock, toBlock }) => `${fromBlock}-${toBlock}`);
    const waitingRanges = this.waiting.reduce(
      (sum, { blocks: texts }) => sum + (texts?.length ?? 0),
      0,
    );
    if (this.waiting.length >= maximumRequests || waitingRanges + blocks.length > maximumRanges) {
      return `the queue is full (${this.waiting.length} releases); ask again when some are done`;
    }
    this.waiting = [...this.waiting, { ...(kind === null ? { blocks } : { kind }), reason, actor }];
    return null;
  }

  remove(done: ReleaseRequest): void {
    this.waiting = this.waiting.filter((request) => request !== done);
  }
}
