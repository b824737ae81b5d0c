import { afterAll, beforeAll, expect, test } from "vitest";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createRowStore } from "../../../src/clickhouse/rows.ts";
import type { StructlogColumns } from "../../../src/trace/structlog-columns.ts";
import type { TransactionRow } from "../../../src/trace/transaction-rows.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { hashOf, ledgerRow } from "../../support/ledger-rows.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const structlogView = "canonical_execution_transaction_structlog";
const transactionView = "canonical_execution_transaction";

/** `count` steps of one transaction, told apart by their pc. */
function steps(count: number, firstPc: number): StructlogColumns {
  return {
    length: count,
    transactionIndex: new Uint32Array(count),
    index: Uint32Array.from({ length: count }, (_, index) => index),
    pc: Uint32Array.from({ length: count }, (_, index) => firstPc + index),
    operation: new Uint16Array(count).fill(1),
    operationNames: ["", "ADD"],
    gas: new Float64Array(count),
    gasCost: new Float64Array(count),
    gasUsed: new Float64Array(count),
    gasSelf: new Float64Array(count),
    depth: new Uint16Array(count).fill(1),
    refund: new Float64Array(count),
    exactRefunds: new Map(),
    errors: new Map(),
    callToAddresses: new Map(),
    callFrameId: new Uint32Array(count),
    pathOffsets: Uint32Array.from({ length: count + 1 }, (_, index) => index),
    callFramePaths: new Uint32Array(count),
    transactions: new Map([[0, { hash: hashOf(1), gasUsed: 1, failed: false, returnValue: null }]]),
  };
}

function transactionAt(position: number): TransactionRow {
  return {
    position,
    hash: hashOf(position),
    from: `0x${"1".repeat(40)}`,
    to: null,
    nonce: 0n,
    gas_price: 1n,
    gas: 1n,
    gas_tip_cap: null,
    gas_fee_cap: null,
    value: 0n,
    type: 0,
    size: 1,
    call_data_size: 0,
    blob_gas: null,
    blob_gas_fee_cap: null,
    blob_hashes: [],
    success: true,
    n_input_bytes: 0,
    n_input_zero_bytes: 0,
    n_input_nonzero_bytes: 0,
    gas_used: 1n,
    structlog_count: 0,
    contract_address: null,
  };
}

const attemptAt = (blockNumber: number, attemptId: string) => ({
  network: "testnet",
  blockNumber,
  blockHash: hashOf(blockNumber),
  parentHash: hashOf(blockNumber - 1),
  attemptId,
});

async function canonicalPcs(blockNumber: number): Promise<number[]> {
  const rows = await clickhouse.client.query<{ pc: string }>(
    `SELECT pc FROM ${structlogView} WHERE block_number = {blockNumber:UInt64} ORDER BY pc`,
    { parameters: { blockNumber } },
  );
  return rows.map(({ pc }) => Number(pc));
}

test("hides rows of attempts that no ledger row names", async () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  writer.addStructlogs(attemptAt(10, "1001"), steps(3, 100));
  writer.addStructlogs(attemptAt(10, "1002"), steps(5, 200));
  writer.addTransactions(attemptAt(10, "1001"), [transactionAt(0)]);
  writer.addTransactions(attemptAt(10, "1002"), [transactionAt(0), transactionAt(1)]);
  await writer.flush();
  expect(await canonicalPcs(10)).toEqual([]);

  const ledger = createLedger(clickhouse.client);
  await ledger.write([ledgerRow({ blockNumber: 10, attemptId: "1001" })]);
  expect(await canonicalPcs(10)).toEqual([100, 101, 102]);
  // The other processor's ledger row is its own.
  const transactions = `SELECT count() AS rows FROM ${transactionView} WHERE block_number = 10`;
  expect(await clickhouse.client.query(transactions)).toEqual([{ rows: "0" }]);
  await ledger.write([ledgerRow({ blockNumber: 10, attemptId: "1002", processor: "transaction" })]);
  expect(await clickhouse.client.query(transactions)).toEqual([{ rows: "2" }]);
  expect(await canonicalPcs(10)).toEqual([100, 101, 102]);
});

test("shows exactly the new rows after a re-trace with fewer rows, and the old ones after a way back", async () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  const ledger = createLedger(clickhouse.client);
  writer.addStructlogs(attemptAt(20, "2001"), steps(5, 100));
  await writer.flush();
  await ledger.write([ledgerRow({ blockNumber: 20, attemptId: "2001" })]);
  writer.addStructlogs(attemptAt(20, "2002"), steps(2, 300));
  await writer.flush();
  await ledger.write([ledgerRow({ blockNumber: 20, attemptId: "2002", generation: 1 })]);
  expect(await canonicalPcs(20)).toEqual([300, 301]);
  await ledger.write([ledgerRow({ blockNumber: 20, attemptId: "2001", generation: 2 })]);
  expect(await canonicalPcs(20)).toEqual([100, 101, 102, 103, 104]);
  await ledger.write([ledgerRow({ blockNumber: 20, status: "retracted", generation: 3 })]);
  expect(await canonicalPcs(20)).toEqual([]);
});

test("counts stored rows of each attempt, also of those nobody sees", async () => {
  const store = createRowStore(clickhouse.client);
  const writer = store.createWriter();
  writer.addStructlogs(attemptAt(30, "18446744073709551615"), steps(4, 0));
  await writer.flush();
  const attempts = [attemptAt(30, "18446744073709551615"), attemptAt(30, "3002")];
  expect(await store.countRows("execution_structlog", attempts)).toEqual(
    new Map([["18446744073709551615", 4]]),
  );
});

type Column = { name: string; type: string; comment: string };

/** The types that queries written for the reference's tables meet. */
const namesOnly = new Set(["operation", "call_type", "meta_network_name"]);
const publicType = ({ name, type }: Column) =>
  namesOnly.has(name) ? type : type.replace(/^LowCardinality\((.*)\)$/, "$1");

const columns = (name: string) =>
  clickhouse.client.query<Column>(
    `SELECT name, type, comment FROM system.columns
     WHERE database = currentDatabase() AND table = {name:String} AND name != 'attempt_id'`,
    { parameters: { name } },
  );

test.each([
  [structlogView, "execution_structlog"],
  ["canonical_execution_transaction_structlog_agg", "execution_structlog_agg"],
  [transactionView, "execution_transaction"],
])(
  "%s shows the columns of %s without attempt_id, texts and hashes as plain ones",
  async (view, table) => {
    const stored = await columns(table);
    expect(await columns(view)).toEqual(
      stored.map((column) => ({ ...column, type: publicType(column) })),
    );
  },
);

test("finds a transaction by its hash in the view, whose type is not the table's", async () => {
  const writer = createRowStore(clickhouse.client).createWriter();
  writer.addStructlogs(attemptAt(40, "4001"), steps(3, 100));
  await writer.flush();
  await createLedger(clickhouse.client).write([ledgerRow({ blockNumber: 40, attemptId: "4001" })]);
  const sql = `SELECT toTypeName(transaction_hash) AS type, transaction_hash, count() AS rows FROM ${structlogView}
     WHERE block_number = 40 AND transaction_hash = {hash:String} GROUP BY transaction_hash`;
  const rowsOf = (hash: string) => clickhouse.client.query(sql, { parameters: { hash } });
  expect(await rowsOf(hashOf(1))).toEqual([
    { type: "FixedString(66)", transaction_hash: hashOf(1), rows: "3" },
  ]);
  expect(await rowsOf(hashOf(2))).toEqual([]);
});

/** Granules of each table that a query reads, from the engine's own plan. */
async function granulesRead(sql: string): Promise<Record<string, number>> {
  const lines = await clickhouse.client.query<{ explain: string }>(`EXPLAIN indexes = 1 ${sql}`);
  const granules: Record<string, number> = {};
  let table = "";
  for (const { explain } of lines) {
    table = /ReadFromMergeTree \(\w+\.(\w+)\)/.exec(explain)?.[1] ?? table;
    const read = /Granules: (\d+)(?:\/\d+)?\s*$/.exec(explain)?.[1];
    if (read !== undefined && table !== "") granules[table] = Number(read);
  }
  return granules;
}

test("reads a few granules of both sides for one block among 2 million", async () => {
  await clickhouse.client.command(
    `INSERT INTO execution_block (meta_network_name, processor, block_number, attempt_id, status, version)
     SELECT 'wide', 'structlog', number, number + 1, 'complete', 196608 FROM numbers(2000000)`,
  );
  await clickhouse.client.command(
    `INSERT INTO execution_structlog (meta_network_name, block_number, attempt_id, \`index\`)
     SELECT 'wide', intDiv(number, 2), intDiv(number, 2) + 1, number % 2 FROM numbers(1600000)`,
  );
  for (const filter of [
    "block_number = 150000",
    "block_number = 150000 AND meta_network_name = 'wide'",
    "block_number BETWEEN 150000 AND 150999",
    "block_number IN (150000, 150001)",
  ]) {
    const sql = `SELECT count() AS rows FROM ${structlogView} WHERE ${filter}`;
    const granules = await granulesRead(sql);
    expect(granules["execution_block"], filter).toBeLessThanOrEqual(8);
    expect(granules["execution_structlog"], filter).toBeLessThanOrEqual(8);
    expect(granules["execution_structlog"], filter).toBeGreaterThan(0);
  }
  const all = await granulesRead(`SELECT count() FROM ${structlogView}`);
  expect(all["execution_block"]).toBeGreaterThan(200);
  const [rows] = await clickhouse.client.query(
    `SELECT count() AS rows FROM ${structlogView} WHERE block_number = 150000`,
  );
  expect(rows).toEqual({ rows: "2" });
});
