import type { RpcBlock, RpcReceipt, RpcTransaction } from "../domain/chain.ts";
import type { Fork } from "../domain/fork.ts";
import { type BlockProof, createBlockTrace } from "../trace/block-trace.ts";
import {
  clearStructlogAggColumns,
  type StructlogAggColumns,
} from "../trace/structlog-agg-columns.ts";
import { clearStructlogColumns, type StructlogColumns } from "../trace/structlog-columns.ts";
import { toTransactionRows } from "../trace/transaction-rows.ts";

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
  readonly rows: {
    readonly structlog: readonly PlainRow[];
    readonly structlog_agg?: readonly PlainRow[];
    readonly transaction: readonly PlainRow[];
  };
};

/** Keys are columns; whole numbers above 2^53 are decimal strings. */
export type PlainRow = Readonly<Record<string, unknown>>;

/** What came of one table of one golden transaction: null = equal, else the first difference. */
export type GoldenResult = { readonly table: string; readonly difference: string | null };

const CHUNK_BYTES = 1021;

/** Runs a golden transaction through the engine and compares the rows; never throws for a difference. */
export function checkGolden(golden: GoldenTransaction, chunkBytes = CHUNK_BYTES): GoldenResult[] {
  const { structlog, structlog_agg: agg, transaction } = golden.rows;
  try {
    const { rows, aggRows, proof } = traceGolden(golden, chunkBytes);
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
export function traceGolden(golden: GoldenTransaction, chunkBytes = CHUNK_BYTES): TracedGolden {
  const block = goldenBlock(golden);
  const trace = createBlockTrace({
    block,
    receipts: [golden.receipt],
    fork: golden.fork,
    clientVersion: golden.client === "anvil" ? "anvil/v1.7.1" : "Geth/v1.17.5",
    processors: ["structlog", "structlog_agg"],
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

/** The columns as rows, keys as in schema.md; `error` tells only whether there is one. */
export function toPlainRows(block: RpcBlock, columns: StructlogColumns): PlainRow[] {
  return Array.from({ length: columns.length }, (_, row) => toPlainRow(block, columns, row));
}

function toPlainRow(block: RpcBlock, columns: StructlogColumns, row: number): PlainRow {
  const transactionIndex = columns.transactionIndex[row]!;
  const transaction = columns.transactions.get(transactionIndex);
  const refund = columns.refund[row]!;
  return {
    block_number: Number(block.number),
    block_hash: block.hash,
    transaction_hash: transaction?.hash,
    transaction_gas: transaction?.gasUsed,
    transaction_failed: transaction?.failed,
    transaction_return_value: transaction?.returnValue,
    return_data: null,
    transaction_index: transactionIndex,
    index: columns.index[row],
    operation: columns.operationNames[columns.operation[row]!],
    pc: columns.pc[row],
    gas: columns.gas[row],
    gas_cost: columns.gasCost[row],
    gas_used: columns.gasUsed[row],
    gas_self: columns.gasSelf[row],
    depth: columns.depth[row],
    refund: Number.isNaN(refund) ? null : plain(columns.exactRefunds.get(row) ?? refund),
    error: columns.errors.has(row),
    call_to_address: columns.callToAddresses.get(row) ?? null,
    call_frame_id: columns.callFrameId[row],
    call_frame_path: [
      ...columns.callFramePaths.subarray(columns.pathOffsets[row], columns.pathOffsets[row + 1]),
    ],
  };
}

/** The columns as rows, keys as in schema.md. */
export function toPlainAggRows(block: RpcBlock, columns: StructlogAggColumns): PlainRow[] {
  return Array.from({ length: columns.length }, (_, row) => toPlainAggRow(block, columns, row));
}

function toPlainAggRow(block: RpcBlock, columns: StructlogAggColumns, row: number): PlainRow {
  const transactionIndex = columns.transactionIndex[row]!;
  const depth = columns.depth[row]!;
  const nullable = (column: Float64Array) => (Number.isNaN(column[row]) ? null : column[row]);
  const hasMemory = nullable(columns.memoryWordsSumBefore) !== null;
  return {
    block_number: Number(block.number),
    block_hash: block.hash,
    transaction_hash: columns.transactionHashes.get(transactionIndex),
    transaction_index: transactionIndex,
    call_frame_id: columns.callFrameId[row],
    parent_call_frame_id: depth === 0 ? null : columns.parentCallFrameId[row],
    call_frame_path: [
      ...columns.callFramePaths.subarray(columns.pathOffsets[row], columns.pathOffsets[row + 1]),
    ],
    depth,
    min_depth: depth,
    max_depth: depth,
    target_address: columns.targetAddresses[row],
    call_type: columns.operationNames[columns.callType[row]!],
    operation: columns.operationNames[columns.operation[row]!],
    opcode_count: columns.opcodeCount[row],
    error_count: columns.errorCount[row],
    gas: columns.gas[row],
    gas_cumulative: columns.gasCumulative[row],
    gas_refund: nullable(columns.gasRefund),
    intrinsic_gas: nullable(columns.intrinsicGas),
    memory_words_sum_before: nullable(columns.memoryWordsSumBefore),
    memory_words_sum_after: nullable(columns.memoryWordsSumAfter),
    memory_words_sq_sum_before: hasMemory ? plain(columns.memoryWordsSqSumBefore[row]) : null,
    memory_words_sq_sum_after: hasMemory ? plain(columns.memoryWordsSqSumAfter[row]) : null,
    memory_expansion_gas: nullable(columns.memoryExpansionGas),
    cold_access_count: nullable(columns.coldAccessCount),
  };
}

function plain(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

/** Compares the keys that the expected rows have, in any order of rows; null = equal. */
export function firstDifference(
  expected: readonly PlainRow[],
  actual: readonly PlainRow[],
): string | null {
  const wanted = expected.toSorted(byPlace);
  const given = actual.toSorted(byPlace);
  for (const [position, row] of wanted.entries()) {
    const other = given[position];
    if (other === undefined) return `row ${place(row)} is missing`;
    for (const [key, value] of Object.entries(row)) {
      if (JSON.stringify(other[key]) !== JSON.stringify(value)) {
        return `row ${place(row)}, ${key}: expected ${JSON.stringify(value)}, actual ${JSON.stringify(other[key])}`;
      }
    }
  }
  const more = given[wanted.length];
  return more === undefined ? null : `row ${place(more)} should not be`;
}

function byPlace(a: PlainRow, b: PlainRow): number {
  return (
    stepOf(a) - stepOf(b) ||
    Number(a["call_frame_id"]) - Number(b["call_frame_id"]) ||
    (String(a["operation"]) < String(b["operation"]) ? -1 : 1)
  );
}

/** Rows of structlog_agg belong to no step. */
function stepOf(row: PlainRow): number {
  return Number(row["index"] ?? row["position"] ?? 0);
}

function place(row: PlainRow): string {
  const numbers = [row["index"] ?? row["position"], row["call_frame_id"]].filter(Number.isInteger);
  return [...numbers, row["operation"] ?? []].join("/");
}
