import { setTimeout as sleep } from "node:timers/promises";
import {
  afterAnswer,
  afterRefusal,
  noRest,
  type Rest,
  restLeft,
  restWords,
} from "../domain/rest.ts";
import {
  type BucketPolicy,
  bucketPolicy,
  fullBucket,
  mostAtOnce,
  type TokenBucket,
  takeTokens,
  waitFor,
} from "../domain/token-bucket.ts";
import { TransportFault } from "./faults.ts";

/** When the next request to a node may leave. */
export type RequestPace = {
  /** Calls that one request may bear. */
  readonly mostCalls: number;
  /**
   * Waits until a request of so many calls may leave.
   * @throws {TransportFault} kind rate_limited where the node asks to be left alone for longer than a moment; nobody
   * asked it. @throws the signal's reason when it fires first.
   */
  readonly take: (calls: number, signal?: AbortSignal) => Promise<void>;
};

/** For a node that takes whatever comes. */
export const unpaced: RequestPace = {
  mostCalls: Number.POSITIVE_INFINITY,
  take: async () => {},
};

/** Whoever asks a node that rests has no other one: so long it waits, rather than fail at once. */
const patienceMs = 5_000;

type Waiting = {
  readonly calls: number;
  readonly begin: () => void;
};

/**
 * The pace of one node in this process: at most so many calls a second, of which the head has a reserve, and none while
 * the node asks to be left alone.
 */
export class NodePace {
  readonly head: RequestPace;
  readonly bulk: RequestPace;
  readonly #policy: BucketPolicy | null;
  #bucket: TokenBucket;
  #rest: Rest = noRest;
  #waiting: { head: Waiting[]; bulk: Waiting[] } = { head: [], bulk: [] };
  #timer: NodeJS.Timeout | undefined;

  /** @param requestsPerSecond - calls, at least 1; null: as many as come. */
  constructor(requestsPerSecond: number | null) {
    this.#policy = requestsPerSecond === null ? null : bucketPolicy(requestsPerSecond);
    // The clock of the bucket does not go back.
    const nowMs = performance.now();
    this.#bucket = this.#policy ? fullBucket(this.#policy, nowMs) : { tokens: 0, atMs: nowMs };
    this.head = this.#lane("head");
    this.bulk = this.#lane("bulk");
  }

  /** Until when the node asks to be left alone, small calls too. */
  get restsUntilMs(): number {
    return this.#rest.untilMs;
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting.head.length + this.#waiting.bulk.length;
  }

  /** A call was refused because the node is asked too often. @param retryAfterMs - null: it does not say for how long. */
  refused(retryAfterMs: number | null): void {
    this.#rest = afterRefusal(this.#rest, Date.now(), retryAfterMs);
  }

  answered(): void {
    this.#rest = afterAnswer(this.#rest);
  }

  #lane(name: "head" | "bulk"): RequestPace {
    const policy = this.#policy;
    return {
      mostCalls: policy ? mostAtOnce(policy, name === "head") : Number.POSITIVE_INFINITY,
      take: async (calls, signal) => {
        await this.#waitOutRest(signal);
        if (policy) await this.#waitForTokens(name, calls, signal);
      },
    };
  }

  async #waitOutRest(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const restMs = restLeft(this.#rest, Date.now());
      if (restMs === 0) return;
      if (restMs > patienceMs) {
        throw new TransportFault(restWords(restMs), {
          isTransient: false,
          kind: "rate_limited",
          retryAfterMs: restMs,
        });
      }
      await sleep(restMs, undefined, signal ? { signal } : {}).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      });
    }
  }

  #waitForTokens(name: "head" | "bulk", calls: number, signal: AbortSignal | undefined) {
    return new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting[name] = this.#waiting[name].filter((other) => other !== one);
        reject(signal?.reason);
        this.#admit();
      };
      const begin = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const one: Waiting = { calls, begin };
      if (signal?.aborted) return leave();
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting[name].push(one);
      this.#admit();
    });
  }

  /** Lets go who may go, the head's first, each lane in its order; and comes back when the next one may. */
  #admit(): void {
    clearTimeout(this.#timer);
    const policy = this.#policy;
    if (policy === null) return;
    for (;;) {
      const name = this.#waiting.head.length > 0 ? "head" : "bulk";
      const [next] = this.#waiting[name];
      if (next === undefined) return;
      const nowMs = performance.now();
      const wanted = { cost: next.calls, isHead: name === "head", nowMs };
      const waitMs = waitFor(policy, this.#bucket, wanted);
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#admit(), Math.ceil(waitMs));
        return;
      }
      this.#bucket = takeTokens(policy, this.#bucket, wanted);
      this.#waiting[name].shift();
      next.begin();
    }
  }
}
