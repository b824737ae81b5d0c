/** How long an answer counts: an outage shows within it, and probes of any number cost one question. */
const freshMs = 1_000;

/** Asks whether something can be reached, at most once a second; callers in between share the answer. */
export function createProbe(ask: () => Promise<void>): () => Promise<void> {
  let last: { readonly answer: Promise<void>; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at >= freshMs) last = { answer: ask(), at: now };
    return last.answer;
  };
}
