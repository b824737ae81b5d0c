import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createRowStore } from "../../../src/clickhouse/rows.ts";
import {
  createStructlogAggColumns,
  reserveAggRow,
  type StructlogAggColumns,
} from "../../../src/trace/structlog-agg-columns.ts";
import { startTestClickHouse } from "../../support/clickhouse.ts";

const operationNames = ["", "ADD", "CALL", "SLOAD"];
const hashes = ["a", "b"].map((digit) => `0x${digit.repeat(64)}`);
const whole = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** A row as a person would write it; `memory` null: the way without stacks. */
const aggRow = fc.record({
  transaction_index: fc.integer({ min: 0, max: 1 }),
  path: fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 1, maxLength: 5 }),
  target_address: orNull(fc.constantFrom("1", "2").map((digit) => `0x${digit.repeat(40)}`)),
  call_type: fc.integer({ min: 0, max: 3 }),
  operation: fc.integer({ min: 0, max: 3 }),
  numbers: fc.tuple(whole, whole, whole, whole),
  gas_refund: orNull(whole),
  intrinsic_gas: orNull(whole),
  memory: orNull(fc.record({ words: fc.tuple(whole, whole), squares: fc.tuple(uint64, uint64) })),
  memory_expansion_gas: orNull(whole),
  cold_access_count: orNull(whole),
});
type AggRow = typeof aggRow extends fc.Arbitrary<infer T> ? T : never;

function toColumns(rows: readonly AggRow[]): StructlogAggColumns {
  const columns = createStructlogAggColumns(operationNames);
  for (const row of rows) addRow(columns, row);
  return columns;
}

function addRow(columns: StructlogAggColumns, row: AggRow): void {
  reserveAggRow(columns, row.path.length);
  const at = columns.length;
  const start = at === 0 ? 0 : columns.pathOffsets[at]!;
  columns.callFramePaths.set(row.path, start);
  columns.pathOffsets[at + 1] = start + row.path.length;
  columns.transactionIndex[at] = row.transaction_index;
  columns.transactionHashes.set(row.transaction_index, hashes[row.transaction_index]!);
  columns.callFrameId[at] = at;
  columns.depth[at] = row.path.length - 1;
  columns.parentCallFrameId[at] = row.path.at(-2) ?? 0;
  columns.targetAddresses[at] = row.target_address;
  columns.callType[at] = row.call_type;
  columns.operation[at] = row.operation;
  const [count, errors, gas, cumulative] = row.numbers;
  columns.opcodeCount[at] = count;
  columns.errorCount[at] = errors;
  columns.gas[at] = gas;
  columns.gasCumulative[at] = cumulative;
  columns.gasRefund[at] = row.gas_refund ?? Number.NaN;
  columns.intrinsicGas[at] = row.intrinsic_gas ?? Number.NaN;
  columns.memoryWordsSumBefore[at] = row.memory?.words[0] ?? Number.NaN;
  columns.memoryWordsSumAfter[at] = row.memory?.words[1] ?? Number.NaN;
  columns.memoryWordsSqSumBefore[at] = row.memory?.squares[0] ?? 0n;
  columns.memoryWordsSqSumAfter[at] = row.memory?.squares[1] ?? 0n;
  columns.memoryExpansionGas[at] = row.memory_expansion_gas ?? Number.NaN;
  columns.coldAccessCount[at] = row.cold_access_count ?? Number.NaN;
  columns.length += 1;
}

const text = (value: number | bigint | null | undefined) => value?.toString() ?? null;

function toStored(row: AggRow, at: number) {
  const depth = row.path.length - 1;
  const [count, errors, gas, cumulative] = row.numbers;
  return {
    transaction_hash: hashes[row.transaction_index],
    transaction_index: row.transaction_index,
    call_frame_id: at,
    parent_call_frame_id: depth === 0 ? null : row.path.at(-2),
    call_frame_path: row.path,
    depth,
    min_depth: depth,
    max_depth: depth,
    target_address: row.target_address,
    call_type: operationNames[row.call_type],
    operation: operationNames[row.operation],
    opcode_count: text(count),
    error_count: text(errors),
    gas: text(gas),
    gas_cumulative: text(cumulative),
    gas_refund: text(row.gas_refund),
    intrinsic_gas: text(row.intrinsic_gas),
    memory_words_sum_before: text(row.memory?.words[0]),
    memory_words_sum_after: text(row.memory?.words[1]),
    memory_words_sq_sum_before: text(row.memory?.squares[0]),
    memory_words_sq_sum_after: text(row.memory?.squares[1]),
    memory_expansion_gas: text(row.memory_expansion_gas),
    cold_access_count: text(row.cold_access_count),
  };
}

test("reads back every aggregate row that was encoded, NULLs and sums of squares included", async () => {
  const clickhouse = await startTestClickHouse();
  const writer = createRowStore(clickhouse.client).createWriter();
  let attempts = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(aggRow, { minLength: 1, maxLength: 100 }), async (rows) => {
        attempts += 1;
        const hash = `0x${"c".repeat(64)}` as const;
        const attempt = {
          network: "testnet",
          blockNumber: attempts,
          blockHash: hash,
          parentHash: hash,
          attemptId: String(attempts),
        };
        writer.addStructlogAggs(attempt, toColumns(rows));
        await writer.flush();
        const stored = await clickhouse.client.query(
          `SELECT * EXCEPT (updated_date_time, block_number, block_hash, meta_network_name, attempt_id)
           FROM execution_structlog_agg WHERE attempt_id = {attempt:UInt64} ORDER BY call_frame_id`,
          { parameters: { attempt: attempts } },
        );
        expect(stored).toEqual(rows.map(toStored));
      }),
      { numRuns: 40 },
    );
  } finally {
    await clickhouse.stop();
  }
});
