import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firstDifference, withoutStacks } from "../../../src/dev/golden-comparison.ts";
import { type PlainRow, toPlainAggRows, toPlainRows } from "../../../src/dev/golden-rows.ts";
import type { RpcBlock } from "../../../src/domain/chain.ts";
import { type Fork, isAtLeast } from "../../../src/domain/fork.ts";
import { verifyBlockRoots } from "../../../src/trace/block-roots.ts";
import {
  type BlockProof,
  type BlockTraceInput,
  createBlockTrace,
} from "../../../src/trace/block-trace.ts";
import { startAnvil } from "../../support/anvil.ts";
import { hasGeth, startGeth } from "../../support/geth.ts";
import { type OracleInput, oracleStructlogRows } from "../../support/oracle.ts";
import { oracleStructlogAggRows } from "../../support/oracle-agg.ts";
import { runScenarios } from "./chain/adversarial.ts";
import { openChain, type RecordedBlock, sender } from "./chain/traced-chain.ts";

/** One in a few of the scenarios, so that all kinds are met in little time. */
const everyFew = (few: number, fork: Fork) => {
  let count = 0;
  return (name: string) => {
    const isKnown = isAtLeast(fork, "berlin") || !/access_list|type_1/.test(name);
    return isKnown && count++ % few === 0;
  };
};

const nodes = [
  {
    name: "anvil, Osaka",
    fork: "osaka",
    few: 9,
    present: true,
    start: () => startAnvil({ args: ["--hardfork", "osaka"] }),
  },
  {
    name: "anvil, Prague",
    fork: "prague",
    few: 11,
    present: true,
    start: () => startAnvil({ args: ["--hardfork", "prague"] }),
  },
  {
    name: "anvil, Berlin",
    fork: "berlin",
    few: 13,
    present: true,
    start: () => startAnvil({ args: ["--hardfork", "berlin"] }),
  },
  {
    name: "anvil, Istanbul",
    fork: "istanbul",
    few: 11,
    present: true,
    start: () => startAnvil({ args: ["--hardfork", "istanbul"] }),
  },
  {
    name: "anvil, Frontier",
    fork: "frontier",
    few: 11,
    present: true,
    start: () => startAnvil({ args: ["--hardfork", "frontier"] }),
  },
  {
    name: "geth, Osaka",
    fork: "osaka",
    few: 10,
    present: hasGeth,
    start: () => startGeth({ fork: "osaka", rich: [sender.address] }),
  },
] as const;

for (const { name, fork, few, present, start } of nodes) {
  describe.skipIf(!present)(`blocks of a real chain (${name})`, () => {
    let node: Awaited<ReturnType<typeof start>>;
    const blocks: (RecordedBlock & { name: string })[] = [];
    let clientVersion = "";

    beforeAll(async () => {
      node = await start();
      const chain = await openChain(node.url);
      clientVersion = chain.clientVersion;
      const record = async (blockName: string, hash: `0x${string}`) =>
        blocks.push({ ...(await chain.record(hash)), name: blockName });
      // geth forgets old states soon, so each block is recorded when it is new.
      const recording = {
        ...chain,
        send: async (request: Parameters<typeof chain.send>[0]) => {
          const receipt = await chain.send(request);
          await record(JSON.stringify(request.to ?? "creation"), receipt.blockHash);
          return receipt;
        },
      };
      await runScenarios(recording, everyFew(few, fork));
    });
    afterAll(() => node.stop());

    it("are proven, roots and all, and give the oracle's rows", async () => {
      expect(blocks.length).toBeGreaterThan(50);
      for (const recorded of blocks) {
        const roots = await verifyBlockRoots(recorded);
        expect(roots).toEqual({
          checked: ["header_hash", "transaction_hashes", "transactions_root", "receipts_root"],
          unverified: [],
        });
        const { proof, rows, aggRows } = trace(recorded, { fork, clientVersion });
        expect(proof.detail.unverified, recorded.name).toEqual([]);
        const expected = oracleInputs(recorded, fork);
        const steps = expected.flatMap(oracleStructlogRows);
        const frames = expected.flatMap(oracleStructlogAggRows);
        expect(firstDifference(steps, rows), recorded.name).toBeNull();
        expect(firstDifference(frames, aggRows), recorded.name).toBeNull();
      }
    });

    it("are proven without stacks too, and what that way can know is the same", () => {
      for (const recorded of blocks) {
        const whole = trace(recorded, { fork, clientVersion });
        const lean = trace(recorded, { fork, clientVersion, stacks: false });
        expect(lean.proof.detail.unverified, recorded.name).toEqual([]);
        const known = withoutStacks({
          structlog: whole.rows,
          structlog_agg: whole.aggRows,
          transaction: [],
        });
        expect(firstDifference(known.structlog, lean.rows), recorded.name).toBeNull();
        expect(firstDifference(known.structlog_agg ?? [], lean.aggRows), recorded.name).toBeNull();
      }
    });

    it("are unverified, not refused, when their fork is unknown", () => {
      for (const recorded of blocks) {
        for (const stacks of [true, false]) {
          const { proof } = trace(recorded, { fork: null, clientVersion, stacks });
          const isProven = proof.proof === "proven";
          expect(isProven, recorded.name).toBe(false);
        }
      }
    });

    // An unknown fork is read by the newest rules, so only there the rest can be the same.
    if (fork === "osaka") {
      it("lack under an unknown fork what docs/schema.md says, and no more", () => {
        for (const recorded of blocks) {
          const known = trace(recorded, { fork, clientVersion });
          const unknown = trace(recorded, { fork: null, clientVersion });
          expect(firstDifference(known.rows, unknown.rows), recorded.name).toBeNull();
          const expected = known.aggRows.map((row) => ({
            ...row,
            memory_expansion_gas: null,
            cold_access_count: null,
            ...(isRoot(row) && { gas_refund: null }),
            ...(isRoot(row) && row["opcode_count"] === 0 && withoutGas),
          }));
          expect(firstDifference(expected, unknown.aggRows), recorded.name).toBeNull();
        }
      });
    }

    it("are refused when a hash, a transaction, a receipt or a header field is another", async () => {
      const recorded = blocks.findLast(({ receipts }) => receipts.length > 0);
      if (!recorded) throw new Error("no block with a transaction");
      for (const [check, change] of changes) {
        const changed: Changeable = structuredClone(recorded);
        change(changed);
        await expect(verifyBlockRoots(changed), check).rejects.toMatchObject({
          kind: "proof_mismatch",
          check,
        });
      }
    });
  });
}

/** What a root without steps used cannot be told from what the transaction paid anyway. */
const withoutGas = { intrinsic_gas: null, gas: 0, gas_cumulative: 0 };

/** The summary row of a transaction's root. */
function isRoot(row: PlainRow): boolean {
  return row["call_frame_id"] === 0 && row["operation"] === "";
}

type Changeable = { block: RpcBlock; receipts: RecordedBlock["receipts"] };

const changes: readonly (readonly [string, (changed: Changeable) => void])[] = [
  ["header_hash", ({ block }) => Object.assign(block, { gasUsed: "0x1" })],
  [
    "transaction_hash",
    ({ block }) => Object.assign(block.transactions[0] ?? {}, { nonce: "0xffff" }),
  ],
  ["transactions_root", ({ block }) => changeHeader(block, "transactionsRoot")],
  [
    "receipts_root",
    ({ receipts }) => Object.assign(receipts[0] ?? {}, { cumulativeGasUsed: "0x1" }),
  ],
  ["receipts", (changed) => Object.assign(changed, { receipts: [] })],
];

/** Another root in a header that hashes to what it says: as a node would send that lies about all of it. */
function changeHeader(block: RpcBlock, field: "transactionsRoot"): void {
  Object.assign(block, { [field]: `0x${"12".repeat(32)}`, unknownField: "0x0" });
}

type TraceOptions = Pick<BlockTraceInput, "fork" | "clientVersion" | "stacks">;

function trace(recorded: RecordedBlock, options: TraceOptions) {
  const engine = createBlockTrace({
    ...recorded,
    ...options,
    processors: ["structlog", "structlog_agg"],
  });
  engine.scanCalls(recorded.calls);
  engine.endCalls();
  engine.scanSteps(recorded.steps);
  const proof: BlockProof = engine.endSteps();
  if (engine.aggColumns === undefined) throw new Error("no columns of structlog_agg");
  expect(engine.aggColumns.length).toBe(proof.structlogAggRows);
  return {
    proof,
    rows: toPlainRows(recorded.block, engine.columns),
    aggRows: toPlainAggRows(recorded.block, engine.aggColumns),
  };
}

function oracleInputs({ block, receipts, steps, calls }: RecordedBlock, fork: Fork) {
  type Answer = { result: { result: object }[] };
  const traces: Answer = JSON.parse(Buffer.from(steps).toString());
  const trees: Answer = JSON.parse(Buffer.from(calls).toString());
  return block.transactions.map((transaction, position): OracleInput => {
    const receipt = receipts[position];
    if (!receipt) throw new Error("a receipt is missing");
    return {
      block,
      transaction,
      receipt,
      fork,
      trace: JSON.stringify(traces.result[position]?.result),
      callTrace: JSON.stringify(trees.result[position]?.result),
    };
  });
}
