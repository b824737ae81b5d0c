import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterTrace,
  afterTraceFailure,
  lightBlockGas,
  massiveBlockGas,
  mayBegin,
  startTraceLimit,
  type TraceLimit,
  traceWeight,
} from "../../../src/domain/trace-limit.ts";

const megabyte = 1_000_000;
const heavy = { bytes: 10 * megabyte, weight: 1, inFlight: 4, wasFull: true };

function repeat(times: number, limit: TraceLimit, next: (limit: TraceLimit) => TraceLimit) {
  let state = limit;
  for (let time = 0; time < times; time += 1) state = next(state);
  return state;
}

/** A trace among as many as may be, each of which takes so long alone. */
const at = (limit: TraceLimit, secondsEach: number) =>
  afterTrace(limit, {
    ...heavy,
    inFlight: limit.limit,
    seconds: secondsEach * limit.limit,
  });

describe("the traces that a node is given at once", () => {
  test("grow to the maximum while each comes as fast as before, whatever its size", () => {
    let bytes = megabyte;
    const grown = repeat(200, startTraceLimit(8), (limit) => {
      bytes = bytes === megabyte ? 40 * megabyte : megabyte;
      return afterTrace(limit, { ...heavy, bytes, seconds: bytes / (50 * megabyte) });
    });
    expect(grown.limit).toBe(8);
  });

  test("do not grow while fewer are asked for than may be", () => {
    const sample = { ...heavy, seconds: 0.2, wasFull: false };
    expect(repeat(200, startTraceLimit(8), (limit) => afterTrace(limit, sample)).limit).toBe(4);
  });

  test("do not fall where traces only share the node's cores, noise and all", () => {
    // Each of n traces at once takes n times as long: together they bring the same.
    let turn = 0;
    const settled = repeat(500, startTraceLimit(64), (limit) => {
      turn += 1;
      const inFlight = Math.floor(limit.limit);
      const seconds = 0.1 * inFlight * (1 + ((turn * 7) % 10) / 10);
      return afterTrace(limit, { ...heavy, inFlight, seconds });
    });
    expect(settled.limit).toBeGreaterThanOrEqual(4);
    expect(settled.limit).toBeLessThan(32);
  });

  test("fall to two where a node brings far less than it did, and grow again when it is well", () => {
    const well = repeat(20, startTraceLimit(8), (limit) => at(limit, 0.1));
    const ill = repeat(60, well, (limit) => at(limit, 2));
    expect(ill.limit).toBe(2);
    expect(repeat(400, ill, (limit) => at(limit, 0.1)).limit).toBeGreaterThan(4);
  });

  test("are halved by a failure, once for all that were under way together", () => {
    const start = startTraceLimit(8);
    const first = afterTraceFailure(start, { begunAtMs: 0, nowMs: 100 });
    expect(first.limit).toBe(2);
    expect(afterTraceFailure(first, { begunAtMs: 50, nowMs: 110 })).toBe(first);
    expect(afterTraceFailure(first, { begunAtMs: 101, nowMs: 120 }).limit).toBe(1);
  });

  test("stay between one and the maximum, whatever happens", () => {
    const event = fc.record({
      fails: fc.boolean(),
      seconds: fc.double({ min: 0, max: 1000, noNaN: true }),
      bytes: fc.nat(2 ** 31 - 1),
      weight: fc.constantFrom(0.5, 1),
      inFlight: fc.double({ min: 0.5, max: 64, noNaN: true }),
      wasFull: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(event), (maximum, events) => {
        let state = startTraceLimit(maximum);
        for (const [nowMs, { fails, ...sample }] of events.entries()) {
          state = fails
            ? afterTraceFailure(state, { begunAtMs: nowMs - 1, nowMs })
            : afterTrace(state, sample);
          expect(state.limit).toBeGreaterThanOrEqual(1);
          expect(state.limit).toBeLessThanOrEqual(maximum);
        }
      }),
    );
  });
});

describe("what a trace takes", () => {
  test("two light ones take as much as a heavy one; a massive one takes the node for itself", () => {
    const start = startTraceLimit(8);
    expect(traceWeight(start, lightBlockGas - 1)).toBe(0.5);
    expect(traceWeight(start, lightBlockGas)).toBe(1);
    expect(traceWeight(start, undefined)).toBe(1);
    const massive = traceWeight(start, massiveBlockGas);
    expect(mayBegin({ limit: 8 }, 0, massive)).toBe(true);
    expect(mayBegin({ limit: 8 }, 0.5, massive)).toBe(false);
    expect(mayBegin({ limit: 8 }, massive, 0.5)).toBe(false);
  });

  test("what is usual on a chain of large blocks is not massive there", () => {
    const gasUsed = 2 * massiveBlockGas;
    const sample = { ...heavy, seconds: 1, weight: Number.POSITIVE_INFINITY, gasUsed };
    const used = afterTrace(startTraceLimit(8), sample);
    expect(traceWeight(used, gasUsed)).toBe(1);
    expect(traceWeight(used, 4 * gasUsed)).toBe(Number.POSITIVE_INFINITY);
  });

  test("the first always may begin, and the sum of the others never passes the limit", () => {
    const weight = fc.constantFrom(0.5, 1, Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 64, noNaN: true }),
        fc.array(weight),
        (limit, weights) => {
          let inFlight = 0;
          for (const each of weights) {
            if (!mayBegin({ limit }, inFlight, each)) continue;
            expect(inFlight === 0 || inFlight + each <= limit + 1e-6).toBe(true);
            inFlight += each;
          }
          expect(weights.length === 0 || inFlight > 0).toBe(true);
        },
      ),
    );
  });
});
