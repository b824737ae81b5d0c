import type { Attempt } from "../activities/ports.ts";
import type { TransactionRow } from "../trace/transaction-rows.ts";
import {
  arrayColumn,
  bigintColumn,
  fixedStringColumn,
  type NativeBlock,
  type NativeColumn,
  nullableColumn,
  numberColumn,
  stringColumn,
} from "./native-encoder.ts";
import { blockConstants } from "./structlog-block.ts";

/** Columns of a transaction block, in the order of {@link transactionBlock}. */
export const transactionColumnNames = [
  "updated_date_time",
  "block_number",
  "block_hash",
  "meta_network_name",
  "attempt_id",
  "parent_hash",
  "position",
  "hash",
  "from",
  "to",
  "nonce",
  "gas_price",
  "gas",
  "gas_tip_cap",
  "gas_fee_cap",
  "value",
  "type",
  "size",
  "call_data_size",
  "blob_gas",
  "blob_gas_fee_cap",
  "blob_hashes",
  "success",
  "n_input_bytes",
  "n_input_zero_bytes",
  "n_input_nonzero_bytes",
  "gas_used",
  "structlog_count",
  "contract_address",
] as const;

const hashLength = 66;
const addressLength = 42;

/**
 * Rows as a Native block of `execution_transaction`.
 * @param updatedAtSeconds - Unix time of the write.
 * @throws {RangeError} when a number or a hash does not fit its column: it never wraps.
 */
export function transactionBlock(
  attempt: Attempt,
  rows: readonly TransactionRow[],
  updatedAtSeconds: number,
): NativeBlock {
  const parentHashes = rows.map(() => attempt.parentHash);
  return {
    rowCount: rows.length,
    columns: [
      ...blockConstants(attempt, rows.length, updatedAtSeconds),
      fixedStringColumn("parent_hash", hashLength, parentHashes),
      ...identityColumns(rows),
      ...valueColumns(rows),
      ...sizeColumns(rows),
      ...outcomeColumns(rows),
    ],
  };
}

function identityColumns(rows: readonly TransactionRow[]): NativeColumn[] {
  const hashes = rows.map(({ hash }) => hash);
  const senders = rows.map(({ from }) => from);
  return [
    uint32Column("position", rows, ({ position }) => position),
    fixedStringColumn("hash", hashLength, hashes),
    fixedStringColumn("from", addressLength, senders),
    addressColumn("to", rows, ({ to }) => to),
    bigintColumn(
      "nonce",
      64,
      rows.map(({ nonce }) => nonce),
    ),
  ];
}

function valueColumns(rows: readonly TransactionRow[]): NativeColumn[] {
  const bigints = (name: string, bits: 64 | 256, read: (row: TransactionRow) => bigint) =>
    bigintColumn(name, bits, rows.map(read));
  return [
    bigints("gas_price", 256, ({ gas_price }) => gas_price),
    bigints("gas", 64, ({ gas }) => gas),
    optionalColumn("gas_tip_cap", 256, rows, ({ gas_tip_cap }) => gas_tip_cap),
    optionalColumn("gas_fee_cap", 256, rows, ({ gas_fee_cap }) => gas_fee_cap),
    bigints("value", 256, ({ value }) => value),
  ];
}

function sizeColumns(rows: readonly TransactionRow[]): NativeColumn[] {
  return [
    numberColumn(
      "type",
      "UInt8",
      Uint8Array.from(rows, ({ type }) => checkWhole(type, 0xff)),
    ),
    uint32Column("size", rows, ({ size }) => size),
    uint32Column("call_data_size", rows, ({ call_data_size }) => call_data_size),
    optionalColumn("blob_gas", 64, rows, ({ blob_gas }) => blob_gas),
    optionalColumn("blob_gas_fee_cap", 256, rows, ({ blob_gas_fee_cap }) => blob_gas_fee_cap),
    blobHashesColumn(rows),
  ];
}

function outcomeColumns(rows: readonly TransactionRow[]): NativeColumn[] {
  const success = Uint8Array.from(rows, (row) => (row.success === true ? 1 : 0));
  const isUnknown = Uint8Array.from(rows, (row) => (row.success === null ? 1 : 0));
  const gasUsed = rows.map(({ gas_used }) => gas_used);
  const steps = rows.map(({ structlog_count }) => BigInt(structlog_count));
  return [
    nullableColumn(numberColumn("success", "Bool", success), isUnknown),
    uint32Column("n_input_bytes", rows, ({ n_input_bytes }) => n_input_bytes),
    uint32Column("n_input_zero_bytes", rows, ({ n_input_zero_bytes }) => n_input_zero_bytes),
    uint32Column("n_input_nonzero_bytes", rows, (row) => row.n_input_nonzero_bytes),
    bigintColumn("gas_used", 64, gasUsed),
    bigintColumn("structlog_count", 64, steps),
    addressColumn("contract_address", rows, ({ contract_address }) => contract_address),
  ];
}

function uint32Column(
  name: string,
  rows: readonly TransactionRow[],
  read: (row: TransactionRow) => number,
): NativeColumn {
  const values = Uint32Array.from(rows, (row) => checkWhole(read(row), 0xffff_ffff));
  return numberColumn(name, "UInt32", values);
}

function checkWhole(value: number, maximum: number): number {
  if (!Number.isInteger(value) || value < 0 || value > maximum) {
    throw new RangeError(`${value} is no whole number up to ${maximum}`);
  }
  return value;
}

function optionalColumn(
  name: string,
  bits: 64 | 256,
  rows: readonly TransactionRow[],
  read: (row: TransactionRow) => bigint | null,
): NativeColumn {
  const values = rows.map(read);
  const isNull = Uint8Array.from(values, (value) => (value === null ? 1 : 0));
  const column = bigintColumn(
    name,
    bits,
    values.map((value) => value ?? 0n),
  );
  return nullableColumn(column, isNull);
}

function addressColumn(
  name: string,
  rows: readonly TransactionRow[],
  read: (row: TransactionRow) => string | null,
): NativeColumn {
  const values = rows.map(read);
  const isNull = Uint8Array.from(values, (value) => (value === null ? 1 : 0));
  const column = fixedStringColumn(
    name,
    addressLength,
    values.map((value) => value ?? ""),
  );
  return nullableColumn(column, isNull);
}

function blobHashesColumn(rows: readonly TransactionRow[]): NativeColumn {
  let end = 0;
  const ends = Uint32Array.from(rows, ({ blob_hashes }) => (end += blob_hashes.length));
  const hashes = rows.flatMap(({ blob_hashes }) => blob_hashes);
  return arrayColumn("blob_hashes", stringColumn("blob_hashes", hashes), ends);
}
