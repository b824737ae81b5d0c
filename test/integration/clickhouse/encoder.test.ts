import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Attempt } from "../../../src/activities/ports.ts";
import { createRowStore } from "../../../src/clickhouse/rows.ts";
import type { Hex } from "../../../src/domain/chain.ts";
import type { StructlogColumns } from "../../../src/trace/structlog-columns.ts";
import type { TransactionRow } from "../../../src/trace/transaction-rows.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...Array.from("0123456789abcdef")), {
      minLength: length,
      maxLength: length,
    })
    .map((digits): Hex => `0x${digits.join("")}`);
const uint = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const whole = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 2 ** 53 - 1),
  fc.integer({ min: 0, max: 2 ** 53 - 1 }),
);
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

/** A row as a person would write it, before it becomes columns. */
const step = fc.record({
  transaction: fc.integer({ min: 0, max: 2 }),
  index: uint32,
  pc: uint32,
  operation: fc.constantFrom("", "ADD", "CALL", "PUSH32"),
  gas: whole,
  gas_cost: whole,
  gas_used: whole,
  gas_self: whole,
  depth: fc.integer({ min: 1, max: 1025 }),
  refund: orNull(fc.oneof(uint(53), uint(64))),
  error: orNull(fc.string({ unit: "binary" })),
  call_to_address: orNull(hex(40)),
  call_frame_id: uint32,
  call_frame_path: fc.array(uint32, { maxLength: 5 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const transaction = fc.record({
  hash: hex(64),
  gasUsed: whole,
  failed: fc.boolean(),
  returnValue: orNull(hex(10)),
});
type Transaction = typeof transaction extends fc.Arbitrary<infer T> ? T : never;

/** Columns with room to spare and old values in it, as the engine hands them over. */
function toColumns(steps: readonly Step[], transactions: readonly Transaction[]): StructlogColumns {
  const spare = 3;
  const size = steps.length + spare;
  const numbers = (read: (row: Step) => number, spareValue: number) =>
    Array.from({ length: size }, (_, row) => {
      const known = steps[row];
      return known ? read(known) : spareValue;
    });
  const operationNames = ["", "ADD", "CALL", "PUSH32"];
  let offset = 0;
  const offsets = steps.map((row) => (offset += row.call_frame_path.length));
  return {
    length: steps.length,
    transactionIndex: Uint32Array.from(numbers((row) => row.transaction, 9)),
    index: Uint32Array.from(numbers((row) => row.index, 9)),
    pc: Uint32Array.from(numbers((row) => row.pc, 9)),
    operation: Uint16Array.from(numbers((row) => operationNames.indexOf(row.operation), 1)),
    operationNames,
    gas: Float64Array.from(numbers((row) => row.gas, 9)),
    gasCost: Float64Array.from(numbers((row) => row.gas_cost, 9)),
    gasUsed: Float64Array.from(numbers((row) => row.gas_used, 9)),
    gasSelf: Float64Array.from(numbers((row) => row.gas_self, 9)),
    depth: Uint16Array.from(numbers((row) => row.depth, 9)),
    refund: Float64Array.from(
      numbers((row) => {
        if (row.refund === null) return Number.NaN;
        return row.refund < 2n ** 53n ? Number(row.refund) : -1;
      }, 9),
    ),
    exactRefunds: new Map(
      steps.flatMap(({ refund }, row): [number, bigint][] =>
        refund !== null && refund >= 2n ** 53n ? [[row, refund]] : [],
      ),
    ),
    errors: sparse(steps.map(({ error }) => error)),
    callToAddresses: sparse(steps.map((row) => row.call_to_address)),
    callFrameId: Uint32Array.from(numbers((row) => row.call_frame_id, 9)),
    pathOffsets: Uint32Array.from([0, ...offsets, 77]),
    callFramePaths: Uint32Array.from([...steps.flatMap((row) => row.call_frame_path), 5, 5]),
    transactions: new Map(transactions.map((known, index) => [index, known])),
  };
}

/** Filled backwards: the order in which rows got their texts says nothing. */
function sparse(texts: readonly (string | null)[]): Map<number, string> {
  const entries = texts.flatMap((text, row): [number, string][] =>
    text === null ? [] : [[row, text]],
  );
  return new Map(entries.toReversed());
}

let attempts = 0;
function newAttempt(): Attempt {
  attempts += 1;
  return {
    network: "testnet",
    blockNumber: attempts,
    blockHash: `0x${"b".repeat(64)}`,
    parentHash: `0x${"a".repeat(64)}`,
    attemptId: (2n ** 64n - BigInt(attempts)).toString(),
  };
}

test("reads back every structlog row that was encoded, whatever its values", async () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 20 }),
      fc.tuple(transaction, transaction, transaction),
      async (steps, transactions) => {
        const attempt = newAttempt();
        const rows = steps.map((row, index) => ({ ...row, index }));
        const half = Math.floor(rows.length / 2);
        writer.addStructlogs(attempt, toColumns(rows.slice(0, half), transactions));
        writer.addStructlogs(attempt, toColumns(rows.slice(half), transactions));
        expect(writer.pending.rows).toBe(rows.length);
        await writer.flush();
        expect(writer.pending).toEqual({ rows: 0, bytes: 0 });
        const stored = await clickhouse.client.query(
          `SELECT * EXCEPT updated_date_time FROM execution_structlog
           WHERE attempt_id = {attempt:UInt64} ORDER BY \`index\``,
          { parameters: { attempt: BigInt(attempt.attemptId) } },
        );
        expect(stored).toEqual(
          rows.map(({ transaction: position, refund, ...row }) => {
            const known = transactions[position] ?? transactions[0];
            return {
              ...row,
              meta_network_name: "testnet",
              block_number: String(attempt.blockNumber),
              block_hash: attempt.blockHash,
              attempt_id: attempt.attemptId,
              transaction_hash: known.hash,
              transaction_index: position,
              transaction_gas: String(known.gasUsed),
              transaction_failed: known.failed,
              transaction_return_value: known.returnValue,
              pc: String(row.pc),
              gas: String(row.gas),
              gas_cost: String(row.gas_cost),
              gas_used: String(row.gas_used),
              gas_self: String(row.gas_self),
              refund: refund?.toString() ?? null,
              return_data: null,
            };
          }),
        );
      },
    ),
    { numRuns: 60 },
  );
});

const transactionRow = fc.record({
  hash: hex(64),
  from: hex(40),
  to: orNull(hex(40)),
  nonce: uint(64),
  gas_price: uint(256),
  gas: uint(64),
  gas_tip_cap: orNull(uint(256)),
  gas_fee_cap: orNull(uint(256)),
  value: fc.oneof(uint(256), fc.constant(2n ** 256n - 1n)),
  type: fc.integer({ min: 0, max: 255 }),
  size: uint32,
  call_data_size: uint32,
  blob_gas: orNull(uint(64)),
  blob_gas_fee_cap: orNull(uint(256)),
  blob_hashes: fc.array(hex(64), { maxLength: 4 }),
  success: orNull(fc.boolean()),
  n_input_bytes: uint32,
  n_input_zero_bytes: uint32,
  n_input_nonzero_bytes: uint32,
  gas_used: uint(64),
  structlog_count: whole,
  contract_address: orNull(hex(40)),
});

test("reads back every transaction row that was encoded, to the last wei", async () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  await fc.assert(
    fc.asyncProperty(fc.array(transactionRow, { minLength: 1, maxLength: 8 }), async (values) => {
      const attempt = newAttempt();
      const rows: TransactionRow[] = values.map((row, position) => ({ ...row, position }));
      writer.addTransactions(attempt, rows.slice(0, 2));
      writer.addTransactions(attempt, rows.slice(2));
      await writer.flush();
      const stored = await clickhouse.client.query(
        `SELECT * EXCEPT updated_date_time FROM execution_transaction
         WHERE attempt_id = {attempt:UInt64} ORDER BY position`,
        { parameters: { attempt: BigInt(attempt.attemptId) } },
      );
      expect(stored).toEqual(
        rows.map((row) => ({
          ...Object.fromEntries(
            Object.entries(row).map(([name, value]) => [
              name,
              typeof value === "bigint" ? value.toString() : value,
            ]),
          ),
          structlog_count: String(row.structlog_count),
          meta_network_name: "testnet",
          block_number: String(attempt.blockNumber),
          block_hash: attempt.blockHash,
          parent_hash: attempt.parentHash,
          attempt_id: attempt.attemptId,
        })),
      );
    }),
    { numRuns: 60 },
  );
});

test("keeps texts apart when a block holds more kinds than two bytes can number", async () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  const attempt = newAttempt();
  const count = 70_000;
  const [sample] = fc.sample(step, { numRuns: 1, seed: 1 });
  if (!sample) throw new Error("no sample");
  const steps = Array.from({ length: count }, (_, index): Step => {
    const call_to_address: Hex = `0x${index.toString(16).padStart(40, "0")}`;
    return { ...sample, index, call_to_address };
  });
  writer.addStructlogs(attempt, toColumns(steps, fc.sample(transaction, { numRuns: 3, seed: 1 })));
  await writer.flush();
  const [row] = await clickhouse.client.query(
    `SELECT count() AS rows, countIf(call_to_address = concat('0x', leftPad(lower(hex(toUInt32(\`index\`))), 40, '0'))) AS right
     FROM execution_structlog WHERE attempt_id = {attempt:UInt64}`,
    { parameters: { attempt: BigInt(attempt.attemptId) } },
  );
  expect(row).toEqual({ rows: String(count), right: String(count) });
});

test("refuses a value that does not fit instead of wrapping it", () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  const [row] = fc.sample(transactionRow, { numRuns: 1, seed: 1 });
  if (!row) throw new Error("no sample");
  const add = (changed: Partial<TransactionRow>) => () =>
    writer.addTransactions(newAttempt(), [{ ...row, position: 0, ...changed }]);
  expect(add({ value: 2n ** 256n })).toThrow(RangeError);
  expect(add({ nonce: 2n ** 64n })).toThrow(RangeError);
  expect(add({ gas_used: -1n })).toThrow(RangeError);
  expect(add({ size: 2 ** 32 })).toThrow(RangeError);
  expect(add({ hash: "0x12" })).toThrow(RangeError);
});
