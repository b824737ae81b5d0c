import { RpcRefusal, TransportFault } from "./faults.ts";
import type { CallOptions, JsonRpc, RpcCall } from "./json-rpc.ts";

type Waiting = {
  readonly call: RpcCall;
  readonly options: CallOptions;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
};

/** Receipts of a full block are about half a megabyte: a few of them are still parsed in a moment. */
const mostCalls = 8;

/** A node may only have been restarted behind its proxy when a batch failed. */
const noBatchMs = 10 * 60_000;

/**
 * Creates a `call` that puts those made at the same moment into one HTTP request: of a light block's time, most is what
 * its requests cost. To the caller each is a call of its own: what fails in company is asked again alone, and a node
 * that takes no batch gets none for a while.
 * @param mostAtOnce - calls that one request may bear; default 8.
 */
export function createSharedCall(rpc: JsonRpc, mostAtOnce: number = mostCalls): JsonRpc["call"] {
  const together = Math.min(mostCalls, mostAtOnce);
  let waiting: Waiting[] = [];
  let noBatchUntilMs = 0;

  function sendAll(): void {
    const calls = waiting;
    waiting = [];
    for (let start = 0; start < calls.length; start += together) {
      void sendTogether(calls.slice(start, start + together));
    }
  }

  async function sendTogether(calls: readonly Waiting[]): Promise<void> {
    const answers =
      calls.length > 1 && Date.now() >= noBatchUntilMs ? await askTogether(calls) : [];
    for (const [index, one] of calls.entries()) {
      const answer = answers[index];
      if (answer === undefined || answer instanceof RpcRefusal) askAlone(one);
      else one.resolve(answer);
    }
  }

  /** The answers in the order of the calls; none where the request failed as a whole. */
  async function askTogether(calls: readonly Waiting[]): Promise<unknown[]> {
    const signals = calls.flatMap(({ options }) => options.signal ?? []);
    const company = abortedWithAll(signals, calls.length);
    try {
      return await rpc.batch(
        calls.map(({ call }) => call),
        { signal: company.signal },
      );
    } catch (error) {
      if (error instanceof TransportFault && saysNoBatch(error)) {
        noBatchUntilMs = Date.now() + noBatchMs;
      }
      return [];
    } finally {
      company.dispose();
    }
  }

  function askAlone({ call, options, resolve, reject }: Waiting): void {
    rpc.call(call, options).then(resolve, reject);
  }

  return (call, options = {}) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(sendAll);
      waiting.push({ call, options, resolve, reject });
    });
}

/** Something that would not pass either if it were sent again; asked too often, it may take batches all the same. */
function saysNoBatch({ fault, isTransient }: TransportFault): boolean {
  return !isTransient && fault.kind !== "rate_limited";
}

/** A signal that fires when all of `count` callers have lost interest. */
function abortedWithAll(signals: readonly AbortSignal[], count: number) {
  const controller = new AbortController();
  const check = () => {
    const aborted = signals.filter((signal) => signal.aborted).length;
    if (aborted === count) controller.abort();
  };
  for (const signal of signals) signal.addEventListener("abort", check, { once: true });
  check();
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of signals) signal.removeEventListener("abort", check);
    },
  };
}
