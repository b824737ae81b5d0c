import type { Attempt } from "../activities/ports.ts";
import type { StructlogAggColumns } from "../trace/structlog-agg-columns.ts";
import {
  arrayColumn,
  dictionaryColumn,
  type NativeBlock,
  type NativeColumn,
  nullableColumn,
  nullableDictionaryColumn,
  nullableWholeNumberColumn,
  numberColumn,
  wholeNumberColumn,
} from "./native-encoder.ts";
import { blockConstants } from "./structlog-block.ts";

/** Columns of an aggregate block, in the order of {@link structlogAggBlock}. */
export const structlogAggColumnNames = [
  "updated_date_time",
  "block_number",
  "block_hash",
  "meta_network_name",
  "attempt_id",
  "transaction_hash",
  "transaction_index",
  "call_frame_id",
  "parent_call_frame_id",
  "call_frame_path",
  "depth",
  "min_depth",
  "max_depth",
  "target_address",
  "call_type",
  "operation",
  "opcode_count",
  "error_count",
  "gas",
  "gas_cumulative",
  "gas_refund",
  "intrinsic_gas",
  "memory_words_sum_before",
  "memory_words_sum_after",
  "memory_words_sq_sum_before",
  "memory_words_sq_sum_after",
  "memory_expansion_gas",
  "cold_access_count",
] as const;

/**
 * Rows [0, length) of the columns as a Native block of `execution_structlog_agg`; it may be a view of their arrays.
 * @param updatedAtSeconds - Unix time of the write.
 * @throws {RangeError} when a row's transaction has no hash.
 */
export function structlogAggBlock(
  attempt: Attempt,
  columns: StructlogAggColumns,
  updatedAtSeconds: number,
): NativeBlock {
  const { length } = columns;
  return {
    rowCount: length,
    columns: [
      ...blockConstants(attempt, length, updatedAtSeconds),
      hashColumn(columns),
      ...frameColumns(columns),
      ...sumColumns(columns),
      ...memoryColumns(columns),
      nullableWholeNumberColumn("cold_access_count", columns.coldAccessCount.subarray(0, length)),
    ],
  };
}

function hashColumn({ length, transactionIndex, transactionHashes }: StructlogAggColumns) {
  const kinds = [""];
  const entryOf = new Map<number, number>();
  const entries = new Uint32Array(length);
  for (let row = 0; row < length; row += 1) {
    const index = transactionIndex[row] ?? 0;
    let entry = entryOf.get(index);
    if (entry === undefined) {
      const hash = transactionHashes.get(index);
      if (hash === undefined) throw new RangeError(`transaction ${index} has rows but no hash`);
      entry = kinds.push(hash) - 1;
      entryOf.set(index, entry);
    }
    entries[row] = entry;
  }
  return dictionaryColumn("transaction_hash", kinds, entries);
}

function frameColumns(columns: StructlogAggColumns): NativeColumn[] {
  const { length, operationNames } = columns;
  const isRoot = new Uint8Array(length);
  for (let row = 0; row < length; row += 1) isRoot[row] = columns.depth[row] === 0 ? 1 : 0;
  const integers = (name: string, values: Uint32Array) =>
    numberColumn(name, "UInt32", values.subarray(0, length));
  const depths = columns.depth.subarray(0, length);
  return [
    integers("transaction_index", columns.transactionIndex),
    integers("call_frame_id", columns.callFrameId),
    nullableColumn(integers("parent_call_frame_id", columns.parentCallFrameId), isRoot),
    pathColumn(columns),
    numberColumn("depth", "UInt16", depths),
    numberColumn("min_depth", "UInt16", depths),
    numberColumn("max_depth", "UInt16", depths),
    targetColumn(columns),
    dictionaryColumn("call_type", operationNames, columns.callType.subarray(0, length)),
    dictionaryColumn("operation", operationNames, columns.operation.subarray(0, length)),
  ];
}

function pathColumn({ length, pathOffsets, callFramePaths }: StructlogAggColumns): NativeColumn {
  const items = callFramePaths.subarray(0, pathOffsets[length]);
  return arrayColumn(
    "call_frame_path",
    numberColumn("call_frame_path", "UInt32", items),
    pathOffsets.subarray(1, length + 1),
  );
}

function targetColumn({ length, targetAddresses }: StructlogAggColumns): NativeColumn {
  const kinds = ["", ""];
  const entryOf = new Map<string, number>();
  const entries = new Uint32Array(length);
  for (let row = 0; row < length; row += 1) {
    const target = targetAddresses[row] ?? null;
    if (target === null) continue;
    let entry = entryOf.get(target);
    if (entry === undefined) {
      entry = kinds.push(target) - 1;
      entryOf.set(target, entry);
    }
    entries[row] = entry;
  }
  return nullableDictionaryColumn("target_address", kinds, entries);
}

function sumColumns(columns: StructlogAggColumns): NativeColumn[] {
  const upTo = (values: Float64Array) => values.subarray(0, columns.length);
  return [
    wholeNumberColumn("opcode_count", upTo(columns.opcodeCount)),
    wholeNumberColumn("error_count", upTo(columns.errorCount)),
    wholeNumberColumn("gas", upTo(columns.gas)),
    wholeNumberColumn("gas_cumulative", upTo(columns.gasCumulative)),
    nullableWholeNumberColumn("gas_refund", upTo(columns.gasRefund)),
    nullableWholeNumberColumn("intrinsic_gas", upTo(columns.intrinsicGas)),
  ];
}

function memoryColumns(columns: StructlogAggColumns): NativeColumn[] {
  const { length } = columns;
  const before = columns.memoryWordsSumBefore.subarray(0, length);
  const squares = (name: string, values: BigUint64Array) =>
    nullableColumn(numberColumn(name, "UInt64", values.subarray(0, length)), nullsOf(before));
  return [
    nullableWholeNumberColumn("memory_words_sum_before", before),
    nullableWholeNumberColumn(
      "memory_words_sum_after",
      columns.memoryWordsSumAfter.subarray(0, length),
    ),
    squares("memory_words_sq_sum_before", columns.memoryWordsSqSumBefore),
    squares("memory_words_sq_sum_after", columns.memoryWordsSqSumAfter),
    nullableWholeNumberColumn(
      "memory_expansion_gas",
      columns.memoryExpansionGas.subarray(0, length),
    ),
  ];
}

function nullsOf(values: Float64Array): Uint8Array {
  const isNull = new Uint8Array(values.length);
  for (let row = 0; row < values.length; row += 1) isNull[row] = Number.isNaN(values[row]) ? 1 : 0;
  return isNull;
}
