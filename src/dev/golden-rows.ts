import type { RpcBlock } from "../domain/chain.ts";
import type { StructlogAggColumns } from "../trace/structlog-agg-columns.ts";
import type { StructlogColumns } from "../trace/structlog-columns.ts";

export type GoldenRows = {
  readonly structlog: readonly PlainRow[];
  readonly structlog_agg?: readonly PlainRow[];
  readonly transaction: readonly PlainRow[];
};

/** Keys are columns; whole numbers above 2^53 are decimal strings. */
export type PlainRow = Readonly<Record<string, unknown>>;

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

export function plain(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
