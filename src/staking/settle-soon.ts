/** What came of asking several at once. */
export type Settled<Answer> = {
  readonly answers: readonly { readonly index: number; readonly answer: Answer }[];
  readonly faults: readonly unknown[];
  /** Those that have neither answered nor failed yet. */
  readonly late: readonly number[];
};

/**
 * Waits for all, but for no more than `graceMs` once one has answered: a node that hangs does not hold up the others.
 */
export function settleSoon<Answer>(
  asked: readonly Promise<Answer>[],
  graceMs: number,
): Promise<Settled<Answer>> {
  return new Promise((resolve) => {
    const answers: { index: number; answer: Answer }[] = [];
    const faults: unknown[] = [];
    const late = new Set(asked.keys());
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      resolve({ answers: [...answers], faults: [...faults], late: [...late] });
    };
    if (asked.length === 0) end();
    const wait = async (promise: Promise<Answer>, index: number) => {
      try {
        answers.push({ index, answer: await promise });
        timer ??= setTimeout(end, graceMs);
      } catch (fault) {
        faults.push(fault);
      }
      late.delete(index);
      if (late.size === 0) end();
    };
    for (const [index, promise] of asked.entries()) void wait(promise, index);
  });
}
