import { describe, expect, it } from "vitest";
import type { Hex, RpcBlock, RpcReceipt, RpcTransaction } from "../../../src/domain/chain.ts";
import type { Fork } from "../../../src/domain/fork.ts";
import { type BlockProof, createBlockTrace } from "../../../src/trace/block-trace.ts";

const word = (digit: string): Hex => `0x${digit.repeat(64)}`;
const to: Hex = `0x${"22".repeat(20)}`;

type Spec = {
  readonly gas: number;
  readonly used: number;
  readonly steps: string;
  readonly head?: object;
};

/** PUSH1 and STOP: 21,003 gas. */
const pushAndStop: Spec = {
  gas: 30_000,
  used: 21_003,
  steps:
    '{"pc":0,"op":"PUSH1","gas":9000,"gasCost":3,"depth":1,"stack":[]},{"pc":2,"op":"STOP","gas":8997,"gasCost":0,"depth":1,"stack":["0x1"]}',
};
const transfer: Spec = { gas: 21_000, used: 21_000, steps: "" };
const withoutItsSteps: Spec = { ...pushAndStop, steps: "" };

const hex = (value: number): Hex => `0x${value.toString(16)}`;
const hashOf = (position: number) => word(String(position + 1));

function blockOf(specs: readonly Spec[]): { block: RpcBlock; receipts: RpcReceipt[] } {
  const hash = word("a");
  const zero = word("0");
  const transactions = specs.map(
    (spec, position): RpcTransaction => ({
      hash: hashOf(position),
      transactionIndex: hex(position),
      nonce: "0x0",
      from: to,
      to,
      value: "0x0",
      gas: hex(spec.gas),
      gasPrice: "0x1",
      input: "0x",
      r: "0x2",
      s: "0x2",
      v: "0x1b",
    }),
  );
  const receipts = specs.map(
    (spec, position): RpcReceipt => ({
      transactionHash: hashOf(position),
      transactionIndex: hex(position),
      blockHash: hash,
      status: "0x1",
      gasUsed: hex(spec.used),
      cumulativeGasUsed: hex(spec.used),
      logs: [],
      logsBloom: "0x",
    }),
  );
  const block: RpcBlock = {
    number: "0x1",
    hash,
    parentHash: zero,
    sha3Uncles: zero,
    miner: to,
    stateRoot: zero,
    transactionsRoot: zero,
    receiptsRoot: zero,
    logsBloom: "0x",
    difficulty: "0x0",
    gasLimit: "0x0",
    gasUsed: "0x0",
    timestamp: "0x0",
    extraData: "0x",
    transactions,
  };
  return { block, receipts };
}

function prove(specs: readonly Spec[], fork: Fork | null = "osaka", traced = specs): BlockProof {
  const trace = createBlockTrace({ ...blockOf(specs), fork, clientVersion: "Geth/v1.17.5" });
  trace.scanCalls(
    answer(traced, ({ gas, used }) => ({
      type: "CALL",
      to,
      gas: hex(gas),
      gasUsed: hex(used),
      value: "0x0",
    })),
  );
  trace.endCalls();
  trace.scanSteps(
    answer(traced, ({ used, steps, head }) => ({
      gas: used,
      failed: false,
      returnValue: "0x",
      structLogs: parseSteps(steps),
      ...head,
    })),
  );
  return trace.endSteps();
}

function parseSteps(steps: string): object[] {
  return JSON.parse(`[${steps}]`);
}

function answer(specs: readonly Spec[], result: (spec: Spec) => object): Uint8Array {
  const items = specs.map((spec, position) => ({ txHash: hashOf(position), result: result(spec) }));
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, result: items }));
}

describe("the trace of a block", () => {
  it("is proven when every step and gas is there", () => {
    expect(prove([transfer, pushAndStop])).toMatchObject({
      proof: "proven",
      structlogCount: 2,
      structlogCounts: [0, 2],
      structlogRows: 2,
      failedByTrace: [false, false],
    });
  });

  it.each([null, "amsterdam" as const])("under the fork %s is unverified and says why", (fork) => {
    const { proof, detail } = prove([transfer, pushAndStop], fork);
    expect(proof).toBe("unverified");
    expect(detail.unverified[0]?.why).toContain("fork");
  });

  it("is refused as steps_missing when every transaction that ran code came without steps", () => {
    expect(() => prove([transfer, withoutItsSteps, withoutItsSteps])).toThrow(
      expect.objectContaining({ check: "steps_missing", kind: "proof_mismatch" }),
    );
  });

  it.each([
    ["before", [withoutItsSteps, pushAndStop]],
    ["after", [pushAndStop, withoutItsSteps]],
  ])("is a mismatch of one transaction when others %s it have their steps", (_, specs) => {
    expect(() => prove(specs)).toThrow(
      expect.objectContaining({ check: "steps_of_transaction", kind: "proof_mismatch" }),
    );
  });

  it("is refused when a trace is missing, and when there is one too many", () => {
    const check = "one_trace_per_transaction";
    expect(() => prove([transfer, transfer], "osaka", [transfer])).toThrow(
      expect.objectContaining({ check }),
    );
    expect(() => prove([transfer], "osaka", [transfer, transfer])).toThrow(
      expect.objectContaining({ check }),
    );
  });

  it("names the check, the transaction, the step and both values of a contradiction", () => {
    const lie = { ...pushAndStop, steps: pushAndStop.steps.replace("8997", "8996") };
    expect(() => prove([transfer, lie])).toThrow(
      "gas, transaction 1, step 1: expected 8997, actual 8996",
    );
  });

  it("is refused when trace and receipt disagree on gas or failure", () => {
    expect(() => prove([{ ...pushAndStop, head: { gas: 1 } }])).toThrow(
      expect.objectContaining({ check: "trace_gas" }),
    );
    expect(() => prove([{ ...pushAndStop, head: { failed: true } }])).toThrow(
      expect.objectContaining({ check: "trace_failed" }),
    );
  });

  it("counts an opcode of unknown name as unverified and keeps its name", () => {
    const steps = pushAndStop.steps
      .replace("PUSH1", "NEWOP")
      .replace('"pc":2', '"pc":1')
      .replace('["0x1"]', "[]");
    const { proof, detail } = prove([{ ...pushAndStop, steps }]);
    expect(proof).toBe("unverified");
    expect(detail.unverified).toEqual([
      { check: "gas_costs", why: "opcodes of unknown cost: NEWOP" },
    ]);
  });

  it("refuses receipts of another block", () => {
    const { block, receipts } = blockOf([transfer]);
    const foreign = receipts.map((receipt) => ({ ...receipt, blockHash: word("b") }));
    expect(() =>
      createBlockTrace({ block, receipts: foreign, fork: "osaka", clientVersion: "Geth" }),
    ).toThrow(expect.objectContaining({ check: "receipts" }));
  });
});
