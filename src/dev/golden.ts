import type { RpcBlock, RpcReceipt, RpcTransaction } from "../domain/chain.ts";
import type { Fork } from "../domain/fork.ts";
import { type BlockProof, createBlockTrace } from "../trace/block-trace.ts";
import { clearStructlogAggColumns } from "../trace/structlog-agg-columns.ts";
import { clearStructlogColumns } from "../trace/structlog-columns.ts";
import { toTransactionRows } from "../trace/transaction-rows.ts";
import { firstDifference, withoutStacks } from "./golden-comparison.ts";
import {
  type GoldenRows,
  type PlainRow,
  plain,
  toPlainAggRows,
  toPlainRows,
} from "./golden-rows.ts";

/** A whole transaction with the node's own traces as text and the rows that follow from them. */
export type GoldenTransaction = {
  readonly id: string;
  readonly fork: Fork;
  readonly client: string;
  readonly block: Omit<RpcBlock, "transactions">;
  readonly transaction: RpcTransaction;
  readonly receipt: RpcReceipt;
  readonly trace: string;
  readonly callTrace: string;
  readonly rows: GoldenRows;
};

/** What came of one table of one golden transaction: null = equal, else the first difference. */
export type GoldenResult = { readonly table: string; readonly difference: string | null };

/** The two ways to trace: steps with stacks, or without and all else from the callTracer. */
export type GoldenOptions = {
  readonly stacks?: boolean;
  /** Default: that of the client which the golden transaction names. */
  readonly clientVersion?: string;
  readonly chunkBytes?: number;
};

const CHUNK_BYTES = 1021;

/** Runs a golden transaction through the engine and compares the rows; never throws for a difference. */
export function checkGolden(
  golden: GoldenTransaction,
  options: GoldenOptions = {},
): GoldenResult[] {
  const known = options.stacks === false ? withoutStacks(golden.rows) : golden.rows;
  const { structlog, structlog_agg: agg, transaction } = known;
  try {
    const { rows, aggRows, proof } = traceGolden(golden, options);
    const results: GoldenResult[] = [
      { table: "structlog", difference: unverified(proof) ?? firstDifference(structlog, rows) },
      {
        table: "transaction",
        difference: firstDifference(transaction, goldenTransactionRows(golden, proof)),
      },
    ];
    if (agg) results.push({ table: "structlog_agg", difference: firstDifference(agg, aggRows) });
    return results;
  } catch (error) {
    return [
      { table: "structlog", difference: String(error) },
      { table: "transaction", difference: "the trace was refused" },
      ...(agg ? [{ table: "structlog_agg", difference: "the trace was refused" }] : []),
    ];
  }
}

function unverified({ proof, detail }: BlockProof): string | null {
  return proof === "proven" ? null : `unverified: ${JSON.stringify(detail.unverified)}`;
}

/** What the engine makes of a golden transaction. */
export type TracedGolden = {
  readonly rows: PlainRow[];
  readonly aggRows: PlainRow[];
  readonly proof: BlockProof;
};

/** The rows and the verdict of a golden transaction. @throws {TraceRejected} */
export function traceGolden(
  golden: GoldenTransaction,
  { stacks = true, chunkBytes = CHUNK_BYTES, clientVersion }: GoldenOptions = {},
): TracedGolden {
  const block = goldenBlock(golden);
  const trace = createBlockTrace({
    block,
    receipts: [golden.receipt],
    fork: golden.fork,
    clientVersion: clientVersion ?? versionOf(golden),
    processors: ["structlog", "structlog_agg"],
    stacks,
  });
  const { hash } = golden.transaction;
  for (const chunk of chunksOf(blockAnswer(hash, golden.callTrace), chunkBytes)) {
    trace.scanCalls(chunk);
  }
  trace.endCalls();
  const rows: PlainRow[] = [];
  const aggRows: PlainRow[] = [];
  const drain = () => {
    rows.push(...toPlainRows(block, trace.columns));
    clearStructlogColumns(trace.columns);
    if (trace.aggColumns === undefined) return;
    aggRows.push(...toPlainAggRows(block, trace.aggColumns));
    clearStructlogAggColumns(trace.aggColumns);
  };
  for (const chunk of chunksOf(blockAnswer(hash, golden.trace), chunkBytes)) {
    trace.scanSteps(chunk);
    drain();
  }
  const proof = trace.endSteps();
  drain();
  return { rows, aggRows, proof };
}

function versionOf({ client }: GoldenTransaction): string {
  return client === "anvil" ? "anvil/v1.7.1" : "Geth/v1.17.5";
}

function goldenBlock(golden: GoldenTransaction): RpcBlock {
  return { ...golden.block, transactions: [golden.transaction] };
}

function goldenTransactionRows(golden: GoldenTransaction, proof: BlockProof): PlainRow[] {
  const block = goldenBlock(golden);
  const rows = toTransactionRows({
    block,
    receipts: [golden.receipt],
    structlogCounts: proof.structlogCounts,
    failedByTrace: proof.failedByTrace,
  });
  return rows.map((row) => ({
    ...Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)])),
    block_number: Number(block.number),
    block_hash: block.hash,
    parent_hash: block.parentHash,
  }));
}

/** One transaction's trace as the answer of debug_traceBlockByHash, in bytes. */
function blockAnswer(hash: string, result: string): Uint8Array {
  return Buffer.from(`{"jsonrpc":"2.0","id":1,"result":[{"txHash":"${hash}","result":${result}}]}`);
}

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
