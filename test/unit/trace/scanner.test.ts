import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallScanner } from "../../../src/trace/call-scanner.ts";
import { knownOperationNames } from "../../../src/trace/opcodes.ts";
import type { Step } from "../../../src/trace/step.ts";
import { StepScanner, type StepSink, type TraceHead } from "../../../src/trace/step-scanner.ts";
import { TraceRejected } from "../../../src/trace/trace-rejected.ts";

const words = fc
  .bigInt({ min: 0n, max: 2n ** 256n - 1n })
  .map((value) => `0x${value.toString(16)}`);
const smallWords = fc.nat(300).map((value) => `0x${value.toString(16)}`);
const hexDigits = (length: number) =>
  fc
    .uint8Array({ minLength: length / 2, maxLength: length / 2 })
    .map((bytes) => Buffer.from(bytes).toString("hex"));
const noise = fc.jsonValue({ maxDepth: 3 });
const operations = fc.constantFrom(...knownOperationNames.slice(1), "opcode 0xc not defined");

const logs = fc.record(
  {
    pc: fc.nat(),
    op: operations,
    gas: fc.maxSafeNat(),
    gasCost: fc.maxSafeNat(),
    depth: fc.integer({ min: 1, max: 1025 }),
    stack: fc.array(fc.oneof(words, smallWords), { maxLength: 20 }),
    refund: fc.option(fc.nat()),
    error: fc.option(fc.string()),
    memory: fc.array(hexDigits(64)),
    storage: fc.dictionary(fc.string(), fc.string()),
    memSize: fc.nat(),
    extra: noise,
  },
  { requiredKeys: ["pc", "op", "gas", "gasCost", "depth", "stack"] },
);

const traces = fc.record({
  txHash: hexDigits(64).map((hash) => `0x${hash}`),
  result: fc.record(
    {
      gas: fc.maxSafeNat(),
      failed: fc.boolean(),
      returnValue: fc
        .uint8Array({ maxLength: 100 })
        .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`),
      structLogs: fc.array(logs, { maxLength: 8 }),
      more: noise,
    },
    { requiredKeys: ["gas", "failed", "returnValue", "structLogs"] },
  ),
  other: noise,
});

const answers = fc.record({
  jsonrpc: fc.constant("2.0"),
  id: noise,
  result: fc.array(traces, { maxLength: 3 }),
});

/** Writes a value as JSON with keys, spaces and escapes in an order that only the seed knows. */
function render(value: unknown, random: () => number): string {
  const space = () => (random() < 0.2 ? [" ", "\n", "\t", "\r\n  "][Math.floor(random() * 4)] : "");
  if (Array.isArray(value)) {
    return `[${space()}${value.map((item) => render(item, random)).join(`${space()},${space()}`)}${space()}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .map((entry) => ({ entry, rank: random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ entry: [key, item] }) => {
        // A stack's words are never written with escapes, so they are read without looking for any.
        const text = key === "stack" ? JSON.stringify(item) : render(item, random);
        return `${quoted(key, random)}${space()}:${space()}${text}`;
      });
    return `{${space()}${entries.join(`${space()},${space()}`)}${space()}}`;
  }
  return typeof value === "string" ? quoted(value, random) : JSON.stringify(value);
}

function quoted(text: string, random: () => number): string {
  const plain = JSON.stringify(text);
  if (random() > 0.1) return plain;
  const escaped = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  return `"${escaped.map((code) => `\\u${code.toString(16).padStart(4, "0")}`).join("")}"`;
}

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  // Copies, so that a scanner that keeps a chunk instead of its bytes is found out.
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** Collects what a scan finds, as plain values. */
function scanSteps(text: string, chunkBytes: number) {
  const found: { head: TraceHead; returnValue: string; steps: object[] }[] = [];
  let steps: object[] = [];
  let returnValue = "";
  const names = [...knownOperationNames];
  const sink: StepSink = {
    beginTransaction: () => {
      steps = [];
      returnValue = "";
    },
    step: (step) => steps.push(plainStep(step, names)),
    returnValueBytes: (bytes, start, stop) => {
      returnValue += Buffer.from(bytes.subarray(start, stop)).toString();
    },
    endTransaction: (head) => found.push({ head: { ...head }, returnValue, steps }),
  };
  const scanner = new StepScanner(sink, names);
  for (const chunk of chunksOf(Buffer.from(text), chunkBytes)) scanner.scan(chunk);
  scanner.end();
  return found;
}

function plainStep(step: Step, names: readonly string[]): object {
  const isCall = ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"].includes(names[step.op] ?? "");
  return {
    pc: step.pc,
    op: names[step.op],
    gas: step.gas,
    gasCost: step.gasCost,
    depth: step.depth,
    refund: step.refund,
    error: step.error,
    height: step.height,
    top: step.height > 0 ? step.address(0) : null,
    target: isCall && step.height > 1 ? step.address(1) : null,
    isZero: step.height > 0 ? step.digits[0] === 0 : null,
  };
}

type ParsedLog = {
  pc: number;
  op: string;
  gas: number;
  gasCost: number;
  depth: number;
  stack: string[];
  refund?: number | null;
  error?: string | null;
};

function expectedStep(log: ParsedLog): object {
  const isCall = ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"].includes(log.op);
  const { stack } = log;
  return {
    pc: log.pc,
    op: log.op.endsWith("not defined") ? "UNDEFINED" : log.op,
    gas: log.gas,
    gasCost: log.gasCost,
    depth: log.depth,
    refund: log.refund ?? 0,
    error: log.error ? log.error : null,
    height: stack.length,
    top: stack.length > 0 ? addressOf(stack.at(-1)) : null,
    target: isCall && stack.length > 1 ? addressOf(stack.at(-2)) : null,
    isZero: stack.length > 0 ? BigInt(stack.at(-1) ?? 0) === 0n : null,
  };
}

function addressOf(word: string | undefined): string {
  return `0x${(word ?? "").slice(2).padStart(40, "0").slice(-40)}`;
}

describe("the step scanner", () => {
  it("finds what JSON.parse finds, whatever the order of keys, the spaces, the escapes and the chunks", () => {
    fc.assert(
      fc.property(answers, fc.integer(), fc.integer({ min: 1, max: 300 }), (answer, seed, size) => {
        const text = render(answer, randomFrom(seed));
        const parsed: typeof answer = JSON.parse(text);
        const expected = parsed.result.map(({ txHash, result }) => ({
          head: { txHash, gas: result.gas, failed: result.failed, hasSteps: true },
          returnValue: result.returnValue,
          steps: (result.structLogs as ParsedLog[]).map(expectedStep),
        }));
        for (const chunkBytes of [1, size, text.length]) {
          expect(scanSteps(text, chunkBytes)).toEqual(expected);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("keeps a refund counter above 2^53 exactly, and calls one outside UInt64 unknown", () => {
    const scanned: (number | bigint)[] = [];
    const sink: StepSink = {
      beginTransaction: () => {},
      step: (step) => scanned.push(step.refund === -1 ? step.exactRefund : step.refund),
      returnValueBytes: () => {},
      endTransaction: () => {},
    };
    const counters = [
      "18446744073709549616",
      "18446744073709551616",
      "-2000",
      "9007199254740993",
      "5",
    ];
    const steps = counters.map(
      (refund) => `{"pc":0,"op":"STOP","gas":0,"gasCost":0,"depth":1,"refund":${refund}}`,
    );
    const scanner = new StepScanner(sink, [...knownOperationNames]);
    scanner.scan(Buffer.from(`{"result":[{"result":{"structLogs":[${steps.join(",")}]}}]}`));
    scanner.end();
    expect(scanned).toEqual([
      18_446_744_073_709_549_616n,
      Number.NaN,
      Number.NaN,
      9_007_199_254_740_993n,
      5,
    ]);
  });

  it.each([
    ["an old array of errors", '["Out of gas","more"]', "Out of gas"],
    ["an error object", "{}", "error without text"],
    ["no error", "null", null],
    ["an empty error", '""', null],
    ["an empty array", "[]", null],
  ])("understands %s", (_, text, expected) => {
    const answer = `{"result":[{"result":{"structLogs":[{"pc":0,"error":${text},"op":"STOP","gas":0,"gasCost":0,"depth":1}]}}]}`;
    expect(scanSteps(answer, 7)[0]?.steps).toMatchObject([{ error: expected }]);
  });

  it.each([
    [
      "an error in place of the result",
      '{"error":{"code":-32000,"message":"block not found"}}',
      "trace_refused",
      "block not found",
    ],
    [
      "an error of one transaction",
      '{"result":[{"txHash":"0x1","error":"timeout"}]}',
      "trace_refused",
      "timeout",
    ],
    [
      "a null result of one transaction",
      '{"result":[{"txHash":"0x1","result":null}]}',
      "trace_malformed",
      "null stands",
    ],
    ["a null result", '{"result":null}', "trace_malformed", "null stands"],
    ["no result", '{"id":1}', "trace_malformed", "no array"],
    [
      "an answer that ends early",
      '{"result":[{"result":{"structLogs":[',
      "trace_cut",
      "ends before",
    ],
    ["no JSON", "<html>502</html>", "trace_malformed", "value is missing"],
    [
      "a step without gas",
      '{"result":[{"result":{"structLogs":[{"pc":1,"op":"ADD"}]}}]}',
      "trace_malformed",
      "lacks",
    ],
    [
      "a fraction of gas",
      '{"result":[{"result":{"structLogs":[{"gas":1.5}]}}]}',
      "trace_malformed",
      "no whole number",
    ],
    [
      "a comma too many",
      '{"result":[{"result":{"structLogs":[],}}]}',
      "trace_malformed",
      "key is missing",
    ],
    ["bytes after the end", '{"result":[]} {}', "trace_malformed", "follow the end"],
  ])("refuses %s", (_, text, kind, reason) => {
    for (const chunkBytes of [1, text.length]) {
      const error = thrownBy(() => scanSteps(text, chunkBytes));
      expect(error).toBeInstanceOf(TraceRejected);
      expect(error).toMatchObject({ kind, message: expect.stringContaining(reason) });
    }
  });

  it("holds no more than a token of a value that it does not need", () => {
    const scanner = new StepScanner(
      { beginTransaction() {}, step() {}, returnValueBytes() {}, endTransaction() {} },
      [...knownOperationNames],
    );
    scanner.scan(Buffer.from('{"result":[{"result":{"structLogs":[{"memory":["'));
    const chunk = Buffer.alloc(1024 * 1024, 48);
    for (let i = 0; i < 16; i++) scanner.scan(chunk);
    scanner.scan(Buffer.from('"],"pc":0,"op":"STOP","gas":0,"gasCost":0,"depth":1}]}}]}'));
    scanner.end();
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

type Frame = {
  type: string;
  gas: string;
  gasUsed: string;
  to?: string;
  value?: string;
  error?: string;
  output?: string;
  calls?: Frame[];
};
const { frame } = fc.letrec<{ frame: Frame }>((tie) => ({
  frame: fc.record(
    {
      type: fc.constantFrom("CALL", "CREATE", "DELEGATECALL", "SELFDESTRUCT"),
      gas: fc.nat().map((value) => `0x${value.toString(16)}`),
      gasUsed: fc.nat().map((value) => `0x${value.toString(16)}`),
      to: hexDigits(40).map((hex) => `0x${hex}`),
      value: fc.nat(3).map((value) => `0x${value.toString(16)}`),
      error: fc.constantFrom(
        "execution reverted",
        "max call depth exceeded",
        "contract address collision",
      ),
      input: fc.constant("0x1234"),
      output: fc
        .uint8Array({ maxLength: 40 })
        .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`),
      logs: noise,
      calls: fc.array(tie("frame"), { maxLength: 3, depthIdentifier: "calls" }),
    },
    { requiredKeys: ["type", "gas", "gasUsed"] },
  ) as fc.Arbitrary<Frame>,
}));

describe("the call scanner", () => {
  it("builds the same tree as JSON.parse, in pre-order, whatever the order of keys and the chunks", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 3 }),
        fc.integer(),
        fc.integer({ min: 1, max: 200 }),
        (roots, seed, size) => {
          const answer = {
            id: 1,
            result: roots.map((result, at) => ({ txHash: `0x${at}`, result })),
          };
          const text = render(answer, randomFrom(seed));
          for (const chunkBytes of [1, size]) {
            const scanner = new CallScanner();
            for (const chunk of chunksOf(Buffer.from(text), chunkBytes)) scanner.scan(chunk);
            scanner.end();
            expect(tableOf(scanner)).toEqual(roots.flatMap((root) => flatten(root, null)));
            expect(scanner.frames.outputs).toEqual(
              roots.map(({ output }) => (output === undefined || output === "0x" ? null : output)),
            );
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

function tableOf({ frames }: CallScanner): object[] {
  return Array.from({ length: frames.length }, (_, at) => ({
    type: knownOperationNames[frames.operation[at] ?? 0],
    parent:
      frames.parent[at] === -1
        ? null
        : knownOperationNames[frames.operation[frames.parent[at] ?? 0] ?? 0],
    gas: frames.gas[at],
    gasUsed: frames.gasUsed[at],
    to: frames.target(at),
    hasValue: frames.hasValue[at] === 1,
    outcome: frames.outcome[at],
  }));
}

function flatten(node: Frame, parent: string | null): object[] {
  const outcomes: Readonly<Record<string, number>> = {
    "execution reverted": 1,
    "max call depth exceeded": 2,
    "contract address collision": 3,
  };
  return [
    {
      type: node.type,
      parent,
      gas: Number(node.gas),
      gasUsed: Number(node.gasUsed),
      to: node.to ?? null,
      hasValue: Number(node.value ?? 0) > 0,
      outcome: outcomes[node.error ?? ""] ?? 0,
    },
    ...(node.calls ?? []).flatMap((child) => flatten(child, node.type)),
  ];
}
