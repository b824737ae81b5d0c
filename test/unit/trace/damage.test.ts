import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GoldenTransaction, traceGolden } from "../../../src/dev/golden.ts";
import { TraceRejected } from "../../../src/trace/trace-rejected.ts";

type Log = { pc: number; op: string; gas: number; gasCost: number; depth: number; stack: string[] };
type Trace = { gas: number; failed: boolean; returnValue: string; structLogs: Log[] };
type Frame = { calls?: Frame[] };
type Damage = (trace: Trace, call: Frame, place: number) => boolean;

const folder = existsSync("../shared/golden") ? "../shared/golden" : "examples/golden";
const goldens = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .flatMap((file): GoldenTransaction[] => JSON.parse(readFileSync(join(folder, file), "utf8")))
  // A lone STOP uses no gas: without it the callee looks like an account without code, and no check can tell.
  .filter(({ trace }) => {
    const { structLogs }: Trace = JSON.parse(trace);
    return structLogs.length > 1;
  });

const pick = (items: readonly unknown[], place: number) => place % items.length;

/** Each changes a trace in one way and says whether it did. */
const damages: Readonly<Record<string, Damage>> = {
  "a step deleted": ({ structLogs }, _, place) => {
    const at = pick(structLogs, place);
    return structLogs.splice(at, 1).length === 1 && structLogs.length > 0;
  },
  "a step doubled": ({ structLogs }, _, place) => {
    const at = pick(structLogs, place);
    structLogs.splice(at, 0, structuredClone(structLogs[at]!));
    return true;
  },
  "two steps swapped": ({ structLogs }, _, place) => {
    if (structLogs.length < 2) return false;
    const at = pick(structLogs.slice(1), place);
    const [first, second] = [structLogs[at]!, structLogs[at + 1]!];
    structLogs.splice(at, 2, second, first);
    return true;
  },
  "the tail cut off": ({ structLogs }, _, place) => {
    structLogs.splice(Math.max(1, pick(structLogs, place)));
    return true;
  },
  "gas changed": ({ structLogs }, _, place) => {
    const log = structLogs[pick(structLogs, place)]!;
    log.gas += 1;
    return true;
  },
  "pc changed": ({ structLogs }, _, place) => {
    const log = structLogs[pick(structLogs, place)]!;
    log.pc += 1;
    return true;
  },
  "depth changed": ({ structLogs }, _, place) => {
    const log = structLogs[pick(structLogs, place)]!;
    log.depth += 1;
    return true;
  },
  "failed flipped": (trace) => {
    trace.failed = !trace.failed;
    return true;
  },
  "the trace's gas changed": (trace) => {
    trace.gas += 1;
    return true;
  },
  "a frame of the callTracer dropped": (_, call, place) => {
    const parents = framesOf(call).filter(({ calls }) => (calls?.length ?? 0) > 0);
    const parent = parents[place % Math.max(1, parents.length)];
    if (!parent?.calls) return false;
    parent.calls.splice(place % parent.calls.length, 1);
    return true;
  },
  "a frame of the callTracer doubled": (_, call, place) => {
    const parents = framesOf(call).filter(({ calls }) => (calls?.length ?? 0) > 0);
    const parent = parents[place % Math.max(1, parents.length)];
    if (!parent?.calls) return false;
    const at = place % parent.calls.length;
    parent.calls.splice(at, 0, structuredClone(parent.calls[at]!));
    return true;
  },
  "a return value that grew": (trace) => {
    trace.returnValue += "00";
    return true;
  },
};

/** Steps after which deletion leaves an honest trace: nothing ran there that used gas or space. */
function isInvisible(golden: GoldenTransaction, trace: Trace): boolean {
  const { structLogs: before }: Trace = JSON.parse(golden.trace);
  const missing = before.find(
    (log, at) => JSON.stringify(log) !== JSON.stringify(trace.structLogs[at]),
  );
  return missing?.op === "STOP" && missing.pc === 0;
}

function framesOf(frame: Frame): Frame[] {
  return [frame, ...(frame.calls ?? []).flatMap(framesOf)];
}

describe.each([
  ["with stacks", true],
  ["without stacks", false],
])(`honest traces of ${folder}, %s, damaged`, (_, stacks) => {
  it.each(Object.keys(damages))("%s: the proof objects", (name) => {
    const damage = damages[name]!;
    let damaged = 0;
    fc.assert(
      fc.property(fc.nat(goldens.length - 1), fc.nat(1000), (which, place) => {
        const golden = goldens[which]!;
        const trace: Trace = JSON.parse(golden.trace);
        const call: Frame = JSON.parse(golden.callTrace);
        if (!damage(trace, call, place) || isInvisible(golden, trace)) return;
        damaged++;
        const lie = { ...golden, trace: JSON.stringify(trace), callTrace: JSON.stringify(call) };
        expect(() => traceGolden(lie, { stacks })).toThrow(TraceRejected);
      }),
      { numRuns: 150 },
    );
    expect(damaged).toBeGreaterThan(20);
  });
});
