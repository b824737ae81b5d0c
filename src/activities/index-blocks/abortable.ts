/** A signal that also fires after a time, and can be let go of: `AbortSignal.any` keeps its sources alive. */
export type Deadline = {
  readonly signal: AbortSignal;
  readonly isExpired: () => boolean;
  readonly dispose: () => void;
};

/** Starts a deadline of `timeoutMs` that ends with `parent` too. */
export function startDeadline(parent: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  const onParentAbort = () => controller.abort(parent.reason);
  if (parent.aborted) onParentAbort();
  parent.addEventListener("abort", onParentAbort, { once: true });
  const timer = setTimeout(() => {
    expired = true;
    controller.abort(new Error(`not done after ${timeoutMs} ms`));
  }, timeoutMs);
  return {
    signal: controller.signal,
    isExpired: () => expired,
    dispose: () => {
      clearTimeout(timer);
      parent.removeEventListener("abort", onParentAbort);
    },
  };
}

/** Waits for `work`, but not longer than until `signal` fires: then throws its reason. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const stopListening = () => signal.removeEventListener("abort", onAbort);
    work.then(resolve, reject).then(stopListening, stopListening);
  });
}

/** Reads chunks until `signal` fires, even where the source does not listen to it. */
export async function* readUntilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let isEnded = false;
  try {
    for (;;) {
      const next = await untilAborted(chunks.next(), signal);
      if (next.done) {
        isEnded = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a source that hangs would hang its end too.
    if (!isEnded) chunks.return?.().catch(() => {});
  }
}

/** Waits `milliseconds`, or throws the signal's reason as soon as it fires. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await untilAborted(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
      }),
      signal,
    );
  } finally {
    clearTimeout(timer);
  }
}
