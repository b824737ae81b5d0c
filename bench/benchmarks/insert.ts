import { randomBytes } from "node:crypto";
import { createClient } from "@clickhouse/client";
import { createClickHouse } from "../../src/clickhouse/client.ts";
import { createRowStore } from "../../src/clickhouse/rows.ts";
import { createStructlogColumns, reserveRow } from "../../src/trace/structlog-columns.ts";
import { type Benchmark, median } from "../benchmark.ts";
import { database, startClickHouse } from "../support/clickhouse.ts";
import { readCpuSeconds } from "../support/machine.ts";

const batchRows = 50_000;
const handOverRows = 8192;
const hash = `0x${"ab".repeat(32)}` as const;

/** The way of rows into ClickHouse, encoding included. */
export const insert: Benchmark = {
  name: "insert",
  about: "rows/s of Native blocks over rows/s of JSONEachRow objects, same rows, encoding included",
  unit: "rows/s",
  target: 3,
  lowerIsBetter: false,
  async measure(bench) {
    const batches = bench.isQuick ? 4 : 20;
    const server = await startClickHouse(bench);
    const url = server.url;
    const own = createClickHouse({ url, database });
    const stock = createClient({ url, database });
    bench.stops.add(() => own.close());
    bench.stops.add(() => stock.close());
    const columns = makeColumns();
    const rows = batches * batchRows;
    const cpu: Record<"native" | "json", number[]> = { native: [], json: [] };
    const measure = async (kind: "native" | "json", work: () => Promise<void>) => {
      const before = await readCpuSeconds(server.pid);
      const startedAt = performance.now();
      for (let batch = 0; batch < batches; batch += 1) await work();
      const seconds = (performance.now() - startedAt) / 1000;
      cpu[kind].push((((await readCpuSeconds(server.pid)) - before) / rows) * 1e6);
      return rows / seconds;
    };
    const native = async () => {
      const writer = createRowStore(own).createWriter();
      for (let made = 0; made < batchRows; made += handOverRows) {
        columns.length = Math.min(handOverRows, batchRows - made);
        writer.addStructlogs(makeAttempt(), columns);
      }
      await writer.flush();
    };
    const json = async () => {
      await stock.insert({
        table: "execution_structlog",
        values: makeObjects(),
        format: "JSONEachRow",
        clickhouse_settings: { async_insert: 0 },
      });
    };
    await native();
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let run = 0; run < bench.runs; run += 1) {
      theirs.push(await measure("json", json));
      ours.push(await measure("native", native));
      bench.say(
        `run ${run + 1}: ${Math.round(ours.at(-1) ?? 0)} rows/s, JSONEachRow ${Math.round(theirs.at(-1) ?? 0)}`,
      );
    }
    return {
      ratio: median(ours.map((speed, run) => speed / (theirs[run] ?? Number.NaN))),
      values: ours,
      detail: {
        rows,
        batchRows,
        jsonEachRowRowsPerSecond: median(theirs),
        clickhouseCpuSecondsPerMillionRows: {
          native: median(cpu.native),
          jsonEachRow: median(cpu.json),
        },
      },
    };
  },
};

function makeAttempt() {
  const attemptId = randomBytes(8).readBigUInt64BE().toString();
  return { network: "insert", blockNumber: 1, blockHash: hash, parentHash: hash, attemptId };
}

/** Rows that change as a trace's do: a counter, gas that sinks, few operations. */
function makeColumns() {
  const columns = createStructlogColumns();
  columns.transactions.set(0, { hash, gasUsed: 100_000, failed: false, returnValue: null });
  for (let row = 0; row < handOverRows; row += 1) {
    reserveRow(columns, 2);
    columns.index[row] = row;
    columns.pc[row] = row % 500;
    columns.operation[row] = 1 + (row % 40);
    columns.gas[row] = 30_000_000 - row * 7;
    columns.gasCost[row] = 3;
    columns.gasUsed[row] = 3;
    columns.gasSelf[row] = 3;
    columns.depth[row] = 2;
    columns.callFrameId[row] = 1;
    columns.callFramePaths.set([0, 1], row * 2);
    columns.pathOffsets[row] = row * 2;
    columns.pathOffsets[row + 1] = row * 2 + 2;
    columns.length = row + 1;
  }
  return columns;
}

function makeObjects(): object[] {
  const attempt = makeAttempt();
  return Array.from({ length: batchRows }, (_, row) => ({
    updated_date_time: 1_700_000_000,
    block_number: 1,
    block_hash: hash,
    meta_network_name: "insert",
    attempt_id: attempt.attemptId,
    transaction_hash: hash,
    transaction_gas: 100_000,
    transaction_failed: false,
    transaction_return_value: null,
    transaction_index: 0,
    index: row,
    pc: row % 500,
    operation: `OP${row % 40}`,
    gas: 30_000_000 - row * 7,
    gas_cost: 3,
    gas_used: 3,
    gas_self: 3,
    depth: 2,
    return_data: null,
    refund: 0,
    error: null,
    call_to_address: null,
    call_frame_id: 1,
    call_frame_path: [0, 1],
  }));
}
