import { Problem } from "./problem.ts";

/** Makes a call when its turn in a line has come. @throws {Problem} where it does not come in time: nothing was done. */
export type InTurn = <Answer>(line: string, call: () => Promise<Answer>) => Promise<Answer>;

/** The calls of one line that run, and those that wait: each takes the place that it is given. */
type Line = { running: number; readonly waiting: Set<() => void> };

/**
 * Lets some calls of each line run at once; the others wait, in the order they came.
 * @param limits.waitMs - the longest that a call waits for its turn.
 */
export function createTurns(limits: { readonly atOnce: number; readonly waitMs: number }): InTurn {
  const lines = new Map<string, Line>();
  return async (name, call) => {
    const line = lines.get(name) ?? { running: 0, waiting: new Set() };
    lines.set(name, line);
    if (line.running < limits.atOnce) line.running += 1;
    else await turnIn(line, limits.waitMs);
    try {
      return await call();
    } finally {
      passOn(line);
    }
  };
}

function turnIn({ waiting }: Line, waitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const takePlace = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.delete(takePlace);
      reject(tookTooLong(waitMs));
    }, waitMs);
    waiting.add(takePlace);
  });
}

/** The next one takes over the place of a call that ended. */
function passOn(line: Line): void {
  const [next] = line.waiting;
  if (next === undefined) {
    line.running -= 1;
    return;
  }
  line.waiting.delete(next);
  next();
}

function tookTooLong(waitMs: number): Problem {
  return new Problem({
    kind: "timeout",
    status: 503,
    title: "The answer took too long.",
    detail: `Those that asked before had not ended after ${waitMs / 1000} s; nothing was done.`,
    fix: "ask again, or name many blocks in one call.",
    headers: { "retry-after": "5" },
  });
}
