import type { Attempt } from "../activities/ports.ts";
import type { StructlogColumns, StructlogTransaction } from "../trace/structlog-columns.ts";
import {
  arrayColumn,
  constantUInt64Column,
  dictionaryColumn,
  encodeUInt64,
  type NativeBlock,
  type NativeColumn,
  nullableColumn,
  nullableDictionaryColumn,
  numberColumn,
  setUInt64,
  wholeNumberColumn,
} from "./native-encoder.ts";

/** Columns of a structlog block, in the order of {@link structlogBlock}. */
export const structlogColumnNames = [
  "updated_date_time",
  "block_number",
  "block_hash",
  "meta_network_name",
  "attempt_id",
  "transaction_hash",
  "transaction_gas",
  "transaction_failed",
  "transaction_return_value",
  "transaction_index",
  "index",
  "pc",
  "operation",
  "gas",
  "gas_cost",
  "gas_used",
  "gas_self",
  "depth",
  "return_data",
  "refund",
  "error",
  "call_to_address",
  "call_frame_id",
  "call_frame_path",
] as const;

/**
 * Rows [0, length) of the columns as a Native block of `execution_structlog`; it may be a view of their arrays.
 * @param updatedAtSeconds - Unix time of the write.
 * @throws {RangeError} when a row's transaction is not described, or a number does not fit.
 */
export function structlogBlock(
  attempt: Attempt,
  columns: StructlogColumns,
  updatedAtSeconds: number,
): NativeBlock {
  const { length } = columns;
  return {
    rowCount: length,
    columns: [
      ...blockConstants(attempt, length, updatedAtSeconds),
      ...transactionConstants(columns),
      ...stepColumns(columns),
    ],
  };
}

/** What every row of a block shares, for both data tables. */
export function blockConstants(
  attempt: Attempt,
  rowCount: number,
  updatedAtSeconds: number,
): NativeColumn[] {
  const first = new Uint8Array(rowCount).fill(1);
  return [
    numberColumn("updated_date_time", "DateTime", new Uint32Array(rowCount).fill(updatedAtSeconds)),
    constantUInt64Column("block_number", BigInt(attempt.blockNumber), rowCount),
    dictionaryColumn("block_hash", ["", attempt.blockHash], first),
    dictionaryColumn("meta_network_name", ["", attempt.network], first),
    constantUInt64Column("attempt_id", BigInt(attempt.attemptId), rowCount),
  ];
}

function transactionConstants({
  length,
  transactionIndex,
  transactions,
}: StructlogColumns): NativeColumn[] {
  const hashes = [""];
  const returnValues = ["", ""];
  /** Entry of each row in `hashes`; its return value, if it has one, is entry `returnValueOf[entry]`. */
  const entries = new Uint32Array(length);
  const returnValueIndexes = new Uint32Array(length);
  const gas = new Float64Array(length);
  const failed = new Uint8Array(length);
  const entryOf = new Map<StructlogTransaction, { entry: number; returnValue: number }>();

  let row = 0;
  while (row < length) {
    const index = transactionIndex[row] ?? 0;
    const transaction = transactions.get(index);
    if (!transaction) throw new RangeError(`transaction ${index} has rows but no description`);
    let known = entryOf.get(transaction);
    if (!known) {
      known = { entry: hashes.length, returnValue: 0 };
      hashes.push(transaction.hash);
      if (transaction.returnValue !== null) {
        known.returnValue = returnValues.length;
        returnValues.push(transaction.returnValue);
      }
      entryOf.set(transaction, known);
    }
    const start = row;
    while (row < length && transactionIndex[row] === index) row += 1;
    entries.fill(known.entry, start, row);
    returnValueIndexes.fill(known.returnValue, start, row);
    gas.fill(transaction.gasUsed, start, row);
    failed.fill(transaction.failed ? 1 : 0, start, row);
  }
  return [
    dictionaryColumn("transaction_hash", hashes, entries),
    wholeNumberColumn("transaction_gas", gas),
    numberColumn("transaction_failed", "Bool", failed),
    nullableDictionaryColumn("transaction_return_value", returnValues, returnValueIndexes),
  ];
}

function stepColumns(columns: StructlogColumns): NativeColumn[] {
  const { length } = columns;
  const upTo = (values: Float64Array) => values.subarray(0, length);
  return [
    numberColumn("transaction_index", "UInt32", columns.transactionIndex.subarray(0, length)),
    numberColumn("index", "UInt32", columns.index.subarray(0, length)),
    numberColumn("pc", "UInt32", columns.pc.subarray(0, length)),
    dictionaryColumn("operation", columns.operationNames, columns.operation.subarray(0, length)),
    wholeNumberColumn("gas", upTo(columns.gas)),
    wholeNumberColumn("gas_cost", upTo(columns.gasCost)),
    wholeNumberColumn("gas_used", upTo(columns.gasUsed)),
    wholeNumberColumn("gas_self", upTo(columns.gasSelf)),
    numberColumn("depth", "UInt16", columns.depth.subarray(0, length)),
    nullableDictionaryColumn("return_data", ["", ""], new Uint8Array(length)),
    refundColumn(columns),
    sparseColumn("error", columns.errors, length),
    sparseColumn("call_to_address", columns.callToAddresses, length),
    numberColumn("call_frame_id", "UInt32", columns.callFrameId.subarray(0, length)),
    pathColumn(columns),
  ];
}

const exactMark = -1;

function refundColumn({ length, refund, exactRefunds }: StructlogColumns): NativeColumn {
  const isNull = new Uint8Array(length);
  const words = new Uint32Array(length * 2);
  for (let row = 0; row < length; row += 1) {
    const value = refund[row] ?? Number.NaN;
    if (value > 0) {
      setUInt64(words, row, value);
    } else if (value === exactMark) {
      setExact(words, row, exactRefunds.get(row));
    } else if (value !== 0) {
      isNull[row] = 1;
    }
  }
  return nullableColumn(numberColumn("refund", "UInt64", words), isNull);
}

function setExact(words: Uint32Array, row: number, value: bigint | undefined): void {
  if (value === undefined) throw new RangeError(`the exact refund of row ${row} is missing`);
  new Uint8Array(words.buffer).set(encodeUInt64(value), row * 8);
}

/** Texts that few rows have; the others are NULL. */
function sparseColumn(
  name: string,
  texts: ReadonlyMap<number, string>,
  length: number,
): NativeColumn {
  const kinds = ["", ""];
  const entryOf = new Map<string, number>();
  const indexes = new Uint32Array(length);
  for (const [row, text] of texts) {
    if (row >= length) continue;
    let entry = entryOf.get(text);
    if (entry === undefined) {
      entry = kinds.length;
      kinds.push(text);
      entryOf.set(text, entry);
    }
    indexes[row] = entry;
  }
  return nullableDictionaryColumn(name, kinds, narrowest(indexes, kinds.length));
}

function narrowest(indexes: Uint32Array, kinds: number): Uint8Array | Uint16Array | Uint32Array {
  if (kinds <= 0x100) return new Uint8Array(indexes);
  return kinds <= 0x1_0000 ? new Uint16Array(indexes) : indexes;
}

function pathColumn({ length, pathOffsets, callFramePaths }: StructlogColumns): NativeColumn {
  const start = pathOffsets[0] ?? 0;
  const end = pathOffsets[length] ?? start;
  const ends = pathOffsets.slice(1, length + 1);
  if (start !== 0) ends.forEach((value, row) => (ends[row] = value - start));
  const items = numberColumn("call_frame_path", "UInt32", callFramePaths.subarray(start, end));
  return arrayColumn("call_frame_path", items, ends);
}
