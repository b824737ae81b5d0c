import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NodePace } from "../../../src/rpc/request-pace.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Asks for so many single calls at once; tells how many were let go so far. */
function flood(take: (calls: number, signal?: AbortSignal) => Promise<void>, count: number) {
  const state = { begun: 0 };
  const ask = async () => {
    await take(1);
    state.begun += 1;
  };
  for (let asked = 0; asked < count; asked += 1) void ask();
  return state;
}

describe("the pace of a node", () => {
  test("lets a second's worth go at once and the rest at its rate; others leave a third to the head", async () => {
    const pace = new NodePace(30);
    const bulk = flood(pace.bulk.take, 1000);
    await vi.advanceTimersByTimeAsync(0);
    expect(bulk.begun).toBe(20);
    await vi.advanceTimersByTimeAsync(2000);
    expect(bulk.begun).toBeGreaterThanOrEqual(78);
    expect(bulk.begun).toBeLessThanOrEqual(80);
  });

  test("never has the head wait behind a flood: its reserve is there, and its turn comes before others'", async () => {
    const pace = new NodePace(30);
    const bulk = flood(pace.bulk.take, 1000);
    await vi.advanceTimersByTimeAsync(1000);
    const before = bulk.begun;
    const head = flood(pace.head.take, 12);
    await vi.advanceTimersByTimeAsync(0);
    expect(head.begun).toBeGreaterThanOrEqual(10);
    await vi.advanceTimersByTimeAsync(100);
    expect(head.begun).toBe(12);
    // What the head took is given back before others go on.
    expect(bulk.begun).toBe(before);
    await vi.advanceTimersByTimeAsync(1000);
    expect(bulk.begun).toBeGreaterThan(before);
  });

  test("counts the calls of a batch, and says how many fit", async () => {
    const pace = new NodePace(30);
    expect([pace.head.mostCalls, pace.bulk.mostCalls]).toEqual([30, 20]);
    await pace.bulk.take(20);
    const next = pace.bulk.take(20);
    await vi.advanceTimersByTimeAsync(600);
    expect(pace.waiting).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(pace.waiting).toBe(0);
    await next;
  });

  test("who loses interest leaves the line, and who stands behind moves up", async () => {
    const pace = new NodePace(2);
    await pace.bulk.take(1);
    const impatient = new AbortController();
    const large = pace.bulk.take(1, impatient.signal);
    large.catch(() => {});
    const behind = pace.bulk.take(1);
    impatient.abort(new Error("no more"));
    await expect(large).rejects.toThrow("no more");
    await vi.advanceTimersByTimeAsync(500);
    await behind;
    expect(pace.waiting).toBe(0);
  });

  test("without a limit everything goes at once", async () => {
    const pace = new NodePace(null);
    const bulk = flood(pace.bulk.take, 1000);
    await vi.advanceTimersByTimeAsync(0);
    expect([bulk.begun, pace.bulk.mostCalls]).toEqual([1000, Number.POSITIVE_INFINITY]);
  });
});

describe("a node that asks to be left alone", () => {
  test("is not asked for that time: for long, whoever asks hears so at once and the node nothing", async () => {
    const pace = new NodePace(null);
    pace.refused(12_000);
    await expect(pace.head.take(1)).rejects.toMatchObject({
      message: "it asks to be left alone for 12 s",
      isTransient: false,
      fault: { kind: "rate_limited", retryAfterMs: 12_000 },
    });
    await vi.advanceTimersByTimeAsync(12_000);
    await pace.head.take(1);
  });

  test("for a moment it is waited for", async () => {
    vi.useRealTimers();
    const pace = new NodePace(null);
    pace.refused(80);
    const startedAt = performance.now();
    await pace.bulk.take(1);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(75);
  });

  test("gets a second, doubled each time in a row, where it does not say for how long", async () => {
    const pace = new NodePace(null);
    const restMs = () => pace.restsUntilMs - Date.now();
    pace.refused(null);
    pace.refused(null);
    expect(restMs()).toBe(1000);
    await vi.advanceTimersByTimeAsync(1000);
    pace.refused(null);
    expect(restMs()).toBe(2000);
    await vi.advanceTimersByTimeAsync(2000);
    pace.answered();
    pace.refused(null);
    expect(restMs()).toBe(1000);
  });
});
