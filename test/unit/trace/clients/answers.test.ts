import { describe, expect, it } from "vitest";
import { knownOperationNames } from "../../../../src/trace/opcodes.ts";
import type { Step } from "../../../../src/trace/step.ts";
import type { StepSink } from "../../../../src/trace/step-scanner.ts";
import { StepScanner } from "../../../../src/trace/step-scanner.ts";

type Seen = { op: string | undefined; error: string | null; height: number; top: string };

function scan(answer: string): Seen[] {
  const names = [...knownOperationNames];
  const seen: Seen[] = [];
  const sink: StepSink = {
    beginTransaction: () => {},
    step: (step: Step) =>
      seen.push({
        op: names[step.op],
        error: step.error,
        height: step.height,
        top: step.height > 0 ? step.address(0) : "",
      }),
    returnValueBytes: () => {},
    endTransaction: () => {},
  };
  const scanner = new StepScanner(sink, names);
  for (const byte of Buffer.from(answer)) scanner.scan(Buffer.of(byte));
  scanner.end();
  return seen;
}

const step = (rest: string, op = "ADD") =>
  `{"pc":1,"op":"${op}","gas":9,"gasCost":3,"depth":1,"stack":[]${rest}}`;
const answer = (...steps: string[]) => `{"result":[{"result":{"structLogs":[${steps.join()}]}}]}`;

describe("what servers give in place of a trace", () => {
  it.each([
    ["null for the whole answer", '{"result":null}'],
    ["null for a transaction", '{"result":[{"txHash":"0x1","result":null}]}'],
    ["null as an item", '{"result":[null]}'],
  ])("%s is no trace, and may be one later", (_, text) => {
    expect(() => scan(text)).toThrow(
      expect.objectContaining({
        kind: "trace_malformed",
        message: expect.stringContaining("null"),
      }),
    );
  });

  it.each([
    ["as an item", `{"result":[{"error":{"code":-32000,"message":"header not found"}}]}`],
    [
      "after the steps of a transaction",
      `{"result":[{"result":{"structLogs":[${step("")}],"error":{"message":"header not found"}}}]}`,
    ],
    [
      "after a whole result",
      `{"result":[{"result":{"structLogs":[]}}],"error":{"code":-32000,"message":"header not found"}}`,
    ],
    ["as text", `{"result":[{"error":"header not found"}]}`],
  ])("an error in mid-stream, %s, is told in the node's words", (_, text) => {
    expect(() => scan(text)).toThrow(
      expect.objectContaining({
        kind: "trace_refused",
        message: expect.stringContaining("header not found"),
      }),
    );
  });
});

describe("forms of a step", () => {
  it.each([
    ["absent", "", null],
    ["null", ',"error":null', null],
    ["empty", ',"error":""', null],
    ["text", ',"error":"out of gas"', "out of gas"],
    ["an empty object", ',"error":{}', "error without text"],
    ["an object with text", ',"error":{"message":"out of gas"}', "out of gas"],
    ["an array", ',"error":["Out of gas"]', "Out of gas"],
    ["an empty array", ',"error":[]', null],
  ])("an error that is %s", (_, rest, error) => {
    expect(scan(answer(step(rest)))[0]?.error).toBe(error);
  });

  it.each([
    ["SHA3", "KECCAK256"],
    ["SUICIDE", "SELFDESTRUCT"],
    ["Unknown", "UNDEFINED"],
    ["0C", "UNDEFINED"],
    ["0x0c", "UNDEFINED"],
    ["opcode 0xc not defined", "UNDEFINED"],
    ["Missing opcode 0xc", "UNDEFINED"],
    ["FE", "INVALID"],
    ["opcode 0xfe not defined", "UNDEFINED"],
    ["push1", "PUSH1"],
    ["NEWOP", "NEWOP"],
  ])("the opcode %s is %s", (spelled, name) => {
    expect(scan(answer(step("", spelled)))[0]?.op).toBe(name);
  });

  const address = `0x${"0".repeat(37)}1f4`;
  it.each([
    ["0x quantities", '"0x0","0x1f4"'],
    ["padded 0x", `"0x${"0".repeat(61)}1f4"`],
    ["64 digits without prefix", `"${"0".repeat(61)}1f4"`],
    ["decimals", '"0","500"'],
  ])("words as %s", (_, words) => {
    const log = step("").replace('"stack":[]', `"stack":[${words}]`);
    expect(scan(answer(log))[0]?.top).toBe(address);
  });

  it("refuses words that are no number", () => {
    const log = step("").replace('"stack":[]', '"stack":["12","1f4"]');
    expect(() => scan(answer(log))).toThrow(expect.objectContaining({ kind: "trace_malformed" }));
  });
});
