/** Whether something that was asked too often is left alone, and for how long. Times in milliseconds. */
export type Rest = {
  readonly untilMs: number;
  /** Refusals in a row. */
  readonly inARow: number;
  /** All refusals ever. */
  readonly refusals: number;
};

export const noRest: Rest = { untilMs: 0, inARow: 0, refusals: 0 };

/** Where it refuses for now and does not say for how long: this, doubled each time in a row. */
const firstRestMs = 1_000;
const longestRestMs = 60_000;

/** It refused. All that was under way together counts once. @param retryAfterMs - null: it does not say how long. */
export function afterRefusal(rest: Rest, nowMs: number, retryAfterMs: number | null): Rest {
  const isNew = nowMs >= rest.untilMs;
  const inARow = rest.inARow + (isNew ? 1 : 0);
  const ownMs = Math.min(firstRestMs * 2 ** Math.min(Math.max(0, inARow - 1), 10), longestRestMs);
  return {
    untilMs: Math.max(rest.untilMs, nowMs + (retryAfterMs ?? ownMs)),
    inARow,
    refusals: rest.refusals + (isNew ? 1 : 0),
  };
}

/** Somebody else was refused: it is left alone until then, and nothing is counted here. */
export function restUntil(rest: Rest, untilMs: number): Rest {
  return untilMs <= rest.untilMs ? rest : { ...rest, untilMs };
}

/** It did what it was asked. */
export function afterAnswer(rest: Rest): Rest {
  return rest.inARow === 0 ? rest : { ...rest, inARow: 0 };
}

export function restLeft({ untilMs }: Rest, nowMs: number): number {
  return Math.max(0, untilMs - nowMs);
}

/** The words for it. @param milliseconds - what is left. */
export function restWords(milliseconds: number): string {
  return `it asks to be left alone for ${Math.max(1, Math.ceil(milliseconds / 1000))} s`;
}
