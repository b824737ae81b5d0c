/** What a promise came to. */
export type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** A promise that never rejects: nobody may be waiting for it yet when the work fails. */
export function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  return work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

/** @throws what the work threw. */
export function unwrap<T>(outcome: Settled<T>): T {
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}
