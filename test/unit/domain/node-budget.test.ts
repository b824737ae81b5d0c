import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterCall,
  hasRoom,
  type JobBudget,
  mostNodes,
  type NodeReport,
  openBudget,
  restOf,
  shareForNext,
  type TraceBudget,
} from "../../../src/domain/node-budget.ts";

function grantNext(...asked: Parameters<typeof shareForNext>): readonly TraceBudget[] | null {
  const share = shareForNext(...asked);
  return hasRoom(share) ? share : null;
}
const quiet = (node: string, traces = 4): NodeReport => ({ node, refusals: 0, restMs: 0, traces });
const refused = (node: string, restMs = 0, traces = 4): NodeReport => ({
  node,
  refusals: 1,
  restMs,
  traces,
});

function told(
  budget: JobBudget,
  reports: readonly NodeReport[],
  { startedAtMs = 0, nowMs = 1000, calls = 1, restMs = 0 } = {},
): JobBudget {
  return afterCall(budget, { reports, restMs, startedAtMs, nowMs, calls });
}
const tracesOf = ({ nodes }: JobBudget) => nodes.map(({ traces }) => traces);

describe("what a job may use of its nodes", () => {
  test("is the workers' to decide until a node refuses", () => {
    expect(grantNext(openBudget, [], { calls: 4, nowMs: 0 })).toEqual([]);
    const after = told(openBudget, [quiet("a")]);
    expect(tracesOf(after)).toEqual([null]);
    expect(grantNext(after, [], { calls: 4, nowMs: 0 })).toEqual([
      { node: "a", traces: null, restMs: 0 },
    ]);
  });

  test("is half of what all calls had there after a refusal, whichever worker was refused", () => {
    const after = told(openBudget, [refused("a"), quiet("b")], { calls: 3 });
    expect(tracesOf(after)).toEqual([6, null]);
  });

  test("is cut once for all calls that were under way together, and again for the next", () => {
    const once = told(openBudget, [refused("a")], { calls: 2, startedAtMs: 0, nowMs: 1000 });
    const same = told(once, [refused("a")], { calls: 2, startedAtMs: 500, nowMs: 1200 });
    expect(tracesOf(same)).toEqual([4]);
    expect(same.nodes[0]?.refusals).toBe(2);
    const again = told(same, [refused("a")], { calls: 2, startedAtMs: 1100, nowMs: 2000 });
    expect(tracesOf(again)).toEqual([2]);
  });

  test("grows by one for a round of good calls, and is the workers' again where it was cut", () => {
    let budget = told(openBudget, [refused("a")], { calls: 2 });
    const seen: (number | null)[] = [];
    for (let call = 1; call <= 9; call += 1) {
      const times = { calls: 2, startedAtMs: 1000 + call, nowMs: 2000 + call };
      budget = told(budget, [quiet("a")], times);
      seen.push(budget.nodes[0]?.traces ?? null);
    }
    expect(seen).toEqual([4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, null]);
  });

  test("is nothing while every node asks to be left alone, and the other one while one does", () => {
    const one = told(openBudget, [refused("a", 12_000), quiet("b")]);
    expect(restOf(one, 1000)).toBe(0);
    expect(grantNext(one, [], { calls: 1, nowMs: 1000 })).toEqual([
      { node: "a", traces: 2, restMs: 12_000 },
      { node: "b", traces: null, restMs: 0 },
    ]);
    const both = told(one, [quiet("a"), refused("b", 5000)], { startedAtMs: 1500, nowMs: 2000 });
    expect(restOf(both, 2000)).toBe(5000);
    expect(grantNext(both, [], { calls: 1, nowMs: 2000 })).toBeNull();
    expect(restOf(both, 7000)).toBe(0);
  });

  test("waits where a call came back early, though a node that is away said nothing", () => {
    const budget = told(openBudget, [], { restMs: 7000, nowMs: 1000 });
    expect([restOf(budget, 1000), restOf(budget, 8000)]).toEqual([7000, 0]);
  });

  test("leaves fewer calls at once where the traces are fewer than the calls", () => {
    const budget = told(openBudget, [refused("a", 0, 1)], { calls: 2 });
    const first = grantNext(budget, [], { calls: 4, nowMs: 2000 });
    expect(first).toEqual([{ node: "a", traces: 1, restMs: 0 }]);
    expect(grantNext(budget, [first ?? []], { calls: 4, nowMs: 2000 })).toBeNull();
  });

  test("gives a node to some calls only, where it has fewer traces than there are calls", () => {
    const cut = told(openBudget, [refused("a", 0, 1), quiet("b")], { calls: 2 });
    const first = grantNext(cut, [], { calls: 2, nowMs: 2000 }) ?? [];
    const second = grantNext(cut, [first], { calls: 2, nowMs: 2000 }) ?? [];
    expect([first, second].map(([a, b]) => [a?.traces, b?.traces])).toEqual([
      [1, null],
      [0, null],
    ]);
  });

  test("is forgotten of nodes that are not named any more, and bounded", () => {
    const many = Array.from({ length: 40 }, (_, index) => quiet(`${index}${"x".repeat(200)}`));
    const budget = told(openBudget, many);
    expect(budget.nodes.length).toBe(mostNodes);
    expect(JSON.stringify(budget).length).toBeLessThan(4000);
    expect(told(budget, [quiet("b")]).nodes.map(({ node }) => node)).toEqual(["b"]);
    expect(JSON.parse(JSON.stringify(budget))).toEqual(budget);
  });
});

const event = fc.record({
  ends: fc.boolean(),
  refusals: fc.integer({ min: 0, max: 2 }),
  restMs: fc.integer({ min: 0, max: 3000 }),
  traces: fc.integer({ min: 0, max: 16 }),
  node: fc.constantFrom("a", "b"),
  passMs: fc.integer({ min: 0, max: 2000 }),
});

/** Whatever calls tell: what is given out never exceeds what is allowed, and the job never stands still for ever. */
test("never gives out more than is allowed, and always comes to a next call", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.integer({ min: 1, max: 8 }), (events, c) => {
      let budget = openBudget;
      let nowMs = 0;
      let inFlight: { readonly grant: readonly TraceBudget[]; readonly startedAtMs: number }[] = [];
      const grants = () => inFlight.map(({ grant }) => grant);
      for (const { ends, refusals, restMs, traces, node, passMs } of events) {
        nowMs += passMs;
        const grant =
          inFlight.length < c && restOf(budget, nowMs) === 0
            ? grantNext(budget, grants(), { calls: c, nowMs })
            : null;
        if (grant) inFlight.push({ grant, startedAtMs: nowMs });
        for (const { node: name, traces: allowed } of grant ? budget.nodes : []) {
          if (allowed === null) continue;
          const given = grants().map((one) => one.find((each) => each.node === name)?.traces ?? 0);
          const asked = grant?.find((each) => each.node === name)?.traces ?? 0;
          const sum = given.reduce((total, each) => total + each, 0);
          if (asked > 0) expect(sum).toBeLessThanOrEqual(allowed);
        }
        const [first, ...others] = inFlight;
        if (!ends || !first) continue;
        const reports = ["a", "b"].map((name) =>
          name === node ? { node: name, refusals, restMs, traces } : quiet(name, traces),
        );
        const { startedAtMs } = first;
        const calls = inFlight.length;
        budget = afterCall(budget, { reports, restMs: 0, startedAtMs, nowMs, calls });
        inFlight = others;
        for (const each of budget.nodes) {
          if (each.traces !== null) expect(each.traces).toBeGreaterThanOrEqual(1);
        }
      }
      const later = nowMs + restOf(budget, nowMs) + 3000;
      expect(restOf(budget, later)).toBe(0);
      expect(grantNext(budget, [], { calls: c, nowMs: later })).not.toBeNull();
    }),
  );
});
