import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { knownOperationNames } from "../../../src/trace/opcodes.ts";
import { StepScanner } from "../../../src/trace/step-scanner.ts";
import { TraceRejected } from "../../../src/trace/trace-rejected.ts";

const folder = "../shared/vectors/execution-apis";

type Log = { pc: number; op: string; gas: number; gasCost: number; depth: number };
type Result = { structLogs: Log[] };
type Answer = {
  result?: Result | { txHash: string; result: Result }[];
  error?: { message: string };
};

/** The answers of the official exchanges, a single transaction's put into the shape of a block's. */
const exchanges = existsSync(folder)
  ? readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".io"))
      .flatMap((file) => {
        const lines = readFileSync(join(folder, file), "utf8").split("\n");
        const answers = lines.filter((line) => line.startsWith("<< "));
        return answers.map((line) => ({ file, text: inBlockShape(line.slice(3)) }));
      })
  : [];

function inBlockShape(text: string): string {
  const single = /^\{"jsonrpc":"2.0","id":\d+,"result":(\{.*\})\}$/.exec(text.trim());
  return single === null ? text : `{"result":[{"txHash":"0x1","result":${single[1]}}]}`;
}

function scan(text: string, chunkBytes: number): object[] {
  const steps: object[] = [];
  const names = [...knownOperationNames];
  const scanner = new StepScanner(
    {
      beginTransaction: () => {},
      step: ({ pc, op, gas, gasCost, depth }) =>
        steps.push({ pc, op: names[op], gas, gasCost, depth }),
      returnValueBytes: () => {},
      endTransaction: () => {},
    },
    names,
  );
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    scanner.scan(bytes.subarray(at, at + chunkBytes));
  scanner.end();
  return steps;
}

describe.skipIf(exchanges.length === 0)(
  `the conformance exchanges of execution-apis (${folder})`,
  () => {
    it("are there", () => expect(exchanges.length).toBeGreaterThan(10));

    it.each(exchanges)(
      "$file scans as JSON.parse reads it, or is refused with the node's words",
      ({ text }) => {
        const answer: Answer = JSON.parse(text);
        for (const chunkBytes of [1, 4096]) {
          if (answer.error) {
            expect(() => scan(text, chunkBytes)).toThrow(TraceRejected);
            expect(() => scan(text, chunkBytes)).toThrow(answer.error.message);
            continue;
          }
          const results = Array.isArray(answer.result) ? answer.result : [];
          const expected = results.flatMap(({ result }) =>
            result.structLogs.map(({ pc, op, gas, gasCost, depth }) => ({
              pc,
              op,
              gas,
              gasCost,
              depth,
            })),
          );
          expect(scan(text, chunkBytes)).toEqual(expected);
        }
      },
    );
  },
);
