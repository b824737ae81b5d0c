import { describe, expect, test } from "vitest";
import { createTurns } from "../../../src/server/turns.ts";

/** Calls that end when told to, and what is known of them. */
function heldCalls() {
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  const call = (name: number) => () =>
    new Promise<number>((resolve) => {
      begun.push(name);
      ends.set(name, () => resolve(name));
    });
  return { begun, call, end: (name: number) => ends.get(name)?.() };
}

const numbers = (length: number) => Array.from({ length }, (_, index) => index);

describe("turns", () => {
  test("as many calls of a line run at once as may, and the others follow in the order they came", async () => {
    const { begun, call, end } = heldCalls();
    const inTurn = createTurns({ atOnce: 8, waitMs: 60_000 });
    const answers = numbers(30).map((name) => inTurn("a", call(name)));
    await Promise.resolve();
    expect(begun).toEqual(numbers(8));
    for (const name of numbers(30)) {
      end(name);
      expect(await answers[name]).toBe(name);
      expect(begun).toEqual(numbers(Math.min(30, 9 + name)));
    }
  });

  test("a line does not wait for another", async () => {
    const { begun, call } = heldCalls();
    const inTurn = createTurns({ atOnce: 1, waitMs: 60_000 });
    void inTurn("a", call(1));
    void inTurn("b", call(2));
    await Promise.resolve();
    expect(begun).toEqual([1, 2]);
  });

  test("a call that fails gives its place to the next one", async () => {
    const inTurn = createTurns({ atOnce: 1, waitMs: 60_000 });
    const failed = inTurn("a", () => Promise.reject(new Error("no")));
    const next = inTurn("a", async () => "done");
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("done");
  });

  test("a call that waited too long is refused, is never made, and holds nobody up", async () => {
    const { begun, call, end } = heldCalls();
    const inTurn = createTurns({ atOnce: 1, waitMs: 20 });
    const first = inTurn("a", call(1));
    await expect(inTurn("a", call(2))).rejects.toMatchObject({
      options: { kind: "timeout", status: 503, headers: { "retry-after": "5" } },
    });
    const third = inTurn("a", async () => "third");
    end(1);
    expect(await first).toBe(1);
    expect(await third).toBe("third");
    expect(begun).toEqual([1]);
  });
});
