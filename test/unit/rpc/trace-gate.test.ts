import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AdaptiveTraceGate, type TurnWanted } from "../../../src/rpc/trace-gate.ts";

const heavy = { gasUsed: 10_000_000 };
const massive = { gasUsed: 500_000_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Asks for a turn; tells when it came. */
async function ask(gate: AdaptiveTraceGate, wanted: TurnWanted) {
  const state = { begun: false };
  const turn = gate.take(wanted).then((taken) => {
    state.begun = true;
    return taken;
  });
  turn.catch(() => {});
  await vi.advanceTimersByTimeAsync(0);
  return { turn, state };
}

describe("the gate of a node", () => {
  test("lets four heavy traces begin, and the next as one ends", async () => {
    const gate = new AdaptiveTraceGate(8);
    const turns = await Promise.all([1, 2, 3, 4].map(() => gate.take(heavy)));
    const fifth = await ask(gate, heavy);
    expect(fifth.state.begun).toBe(false);
    turns[0]?.end();
    await fifth.turn;
    expect(gate.inFlight).toBe(4);
  });

  test("the head has a slot of its own: it does not wait behind a backfill that fills the node", async () => {
    const gate = new AdaptiveTraceGate(1);
    await gate.take(heavy);
    const waiting = await ask(gate, heavy);
    const head = await ask(gate, { ...heavy, isHead: true });
    expect([waiting.state.begun, head.state.begun]).toEqual([false, true]);
  });

  test("the head has one slot of its own, and no more: what it asks for beyond counts like a backfill's", async () => {
    const gate = new AdaptiveTraceGate(1);
    await gate.take({ ...heavy, isHead: true });
    await gate.take({ ...heavy, isHead: true });
    const third = await ask(gate, { ...heavy, isHead: true });
    const bulk = await ask(gate, heavy);
    expect([third.state.begun, bulk.state.begun]).toEqual([false, false]);
  });

  test("a massive trace runs alone, and is not passed by for ever", async () => {
    const gate = new AdaptiveTraceGate(8);
    const first = await gate.take(heavy);
    const giant = await ask(gate, massive);
    const late = await ask(gate, heavy);
    expect([giant.state.begun, late.state.begun]).toEqual([false, false]);
    first.end();
    const turn = await giant.turn;
    expect([gate.inFlight, late.state.begun]).toEqual([1, false]);
    turn.end();
    await late.turn;
  });

  test("Retry-After sends everybody away for so long, and halves the limit", async () => {
    const gate = new AdaptiveTraceGate(1);
    const turn = await gate.take(heavy);
    const waiting = await ask(gate, heavy);
    vi.setSystemTime(Date.now() + 10);
    turn.failed({ kind: "rate_limited", retryAfterMs: 2000 });
    turn.end();
    await expect(waiting.turn).rejects.toThrow("left alone for 2 s");
    await vi.advanceTimersByTimeAsync(1900);
    await expect(gate.take(heavy)).rejects.toThrow("left alone for 1 s");
    await vi.advanceTimersByTimeAsync(200);
    await gate.take(heavy);
    expect(gate.inFlight).toBe(1);
  });

  test("a failure halves the limit", async () => {
    const gate = new AdaptiveTraceGate(8);
    const turn = await gate.take(heavy);
    vi.setSystemTime(Date.now() + 10);
    turn.failed({ kind: "http", retryAfterMs: null });
    expect(gate.limit).toBe(2);
  });

  test("429 without Retry-After is waited out longer each time in a row", async () => {
    const gate = new AdaptiveTraceGate(8);
    const restOf = () => gate.restsUntilMs - Date.now();
    gate.rest(null);
    gate.rest(null);
    expect(restOf()).toBe(1000);
    await vi.advanceTimersByTimeAsync(1000);
    gate.rest(null);
    expect(restOf()).toBe(2000);
  });

  test("who gives up while waiting takes no turn", async () => {
    const gate = new AdaptiveTraceGate(1);
    const first = await gate.take(heavy);
    const controller = new AbortController();
    const given = await ask(gate, { ...heavy, signal: controller.signal });
    controller.abort(new Error("stopped"));
    await expect(given.turn).rejects.toThrow("stopped");
    first.end();
    expect([gate.inFlight, gate.load]).toEqual([0, 0]);
  });

  test("a turn that ends twice ends once", async () => {
    const gate = new AdaptiveTraceGate(8);
    const [one] = await Promise.all([gate.take(heavy), gate.take(heavy)]);
    one?.end();
    one?.end();
    expect(gate.inFlight).toBe(1);
  });
});
