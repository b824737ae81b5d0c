import { afterAll, beforeAll, expect, test } from "vitest";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { toColumns } from "../../../src/clickhouse/ledger-row.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import { createRecountStore } from "../../../src/clickhouse/recount-cursor.ts";
import type { LedgerRow } from "../../../src/domain/ledger.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { ledgerRow } from "../../support/ledger-rows.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const processor = "transaction" as const;
const hour = 3_600_000;

/** Two rows of data for each block, and a ledger row that was written at a time of its own. */
async function store(network: string, blocks: readonly number[], at: Date, rows = 2) {
  const ledgerRows: LedgerRow[] = blocks.map((blockNumber) =>
    ledgerRow({ network, processor, blockNumber, rowCount: 2, transactionCount: 2 }),
  );
  await clickhouse.client.insertRows(
    "execution_block",
    ledgerRows.map((row) => ({ ...toColumns(row), updated_at: at.toISOString() })),
    { token: `${network}:${blocks.join()}:${at.getTime()}` },
  );
  const data = ledgerRows.flatMap((row) =>
    Array.from({ length: rows }, (_, position) => ({
      meta_network_name: network,
      block_number: row.blockNumber,
      attempt_id: row.attemptId,
      position,
    })),
  );
  if (data.length === 0) return;
  await clickhouse.client.insertRows("execution_transaction", data, {
    token: `${network}:rows:${blocks.join()}`,
  });
}

async function expectRange(network: string, fromBlock: number, toBlock: number) {
  await createRangeStore(clickhouse.client).write([
    {
      network,
      processor,
      fromBlock,
      toBlock,
      origin: "backfill",
      workflowId: "b",
      state: "done",
    },
  ]);
}

const recountNext = (network: string) =>
  createRecountStore(clickhouse.client).recountNext({ network, processors: [processor] });
const coverageOf = (network: string) =>
  createLedger(clickhouse.client).coverage({ network, processor, verify: false });
const countedBuckets = async (network: string) => {
  const rows = await clickhouse.client.query<{ bucket: string }>(
    `SELECT bucket FROM execution_recount FINAL WHERE meta_network_name = '${network}' ORDER BY bucket`,
  );
  return rows.map(({ bucket }) => Number(bucket));
};

/** As if all counts had been made so much earlier. */
async function passMinutes(network: string, minutes: number) {
  const own = `WHERE meta_network_name = '${network}'`;
  const rows = await clickhouse.client.query<Record<string, unknown>>(
    `SELECT * REPLACE (counted_at - INTERVAL ${minutes} MINUTE AS counted_at) FROM execution_recount FINAL ${own}`,
  );
  await clickhouse.client.command(
    `ALTER TABLE execution_recount DELETE ${own} SETTINGS mutations_sync = 2`,
  );
  await clickhouse.client.insertRows("execution_recount", rows, { token: `passed:${Date.now()}` });
}

test("finds rows that were lost, and coverage says when each range was last counted", async () => {
  const network = "lost";
  const before = Date.now();
  await expectRange(network, 998, 1001);
  await store(network, [998, 999], new Date(before - 2 * hour));
  await store(network, [1000], new Date(before - 2 * hour), 1);
  await store(network, [1001], new Date(before - 2 * hour));
  expect((await coverageOf(network)).lastRecountAt).toBeNull();

  expect(await recountNext(network)).toEqual([{ processor, blocks: [1000] }]);
  expect(await countedBuckets(network)).toEqual([0, 1]);
  const { ranges, lastRecountAt } = await coverageOf(network);
  expect(ranges).toEqual([
    { fromBlock: 998, toBlock: 1001, status: "proven", lastRecountAt: expect.any(String) },
  ]);
  expect(Date.parse(String(lastRecountAt))).toBeGreaterThanOrEqual(before);

  // Nothing is due again, until something changes and has come to rest.
  expect(await recountNext(network)).toEqual([]);
  await store(network, [1002], new Date(Date.now() - 2 * hour), 0);
  await expectRange(network, 998, 1002);
  expect((await coverageOf(network)).lastRecountAt).toBeNull();
  expect(await recountNext(network)).toEqual([{ processor, blocks: [1000, 1002] }]);
});

test("a recount on demand is remembered of every bucket that it counted whole", async () => {
  const network = "verified";
  await store(network, [999, 1000, 1999, 2000], new Date());
  await expectRange(network, 999, 2000);
  const query = { network, processor, verify: true } as const;
  const verified = await createLedger(clickhouse.client).coverage(query);
  expect(verified.lastRecountAt).not.toBeNull();
  expect(await countedBuckets(network)).toEqual([1]);
  const { ranges } = await coverageOf(network);
  expect(ranges.filter(({ status }) => status === "proven")).toEqual([
    { fromBlock: 999, toBlock: 1000, status: "proven", lastRecountAt: null },
    { fromBlock: 1999, toBlock: 2000, status: "proven", lastRecountAt: null },
  ]);
  const within = await createLedger(clickhouse.client).coverage({
    ...query,
    verify: false,
    window: { fromBlock: 1000, toBlock: 1999 },
  });
  expect(within.lastRecountAt).toBe(verified.lastRecountAt);
});

test("lost rows that only somebody's recount on demand has found are found again within minutes", async () => {
  const network = "told";
  await store(network, [1000], new Date(Date.now() - 2 * hour), 1);
  await expectRange(network, 1000, 1999);
  const query = { network, processor, verify: true } as const;
  const { miscounted } = await createLedger(clickhouse.client).coverage(query);
  expect(miscounted).toEqual([1000]);

  expect(await recountNext(network)).toEqual([]);
  await passMinutes(network, 2);
  expect(await recountNext(network)).toEqual([{ processor, blocks: [1000] }]);

  // Booked as failed it is no complete row any more: one more look says so, and the bucket rests for a day.
  const row = ledgerRow({ network, processor, blockNumber: 1000, status: "failed", generation: 1 });
  await createLedger(clickhouse.client).write([{ ...row, rowCount: 0 }]);
  await passMinutes(network, 2);
  expect(await recountNext(network)).toEqual([]);
  const [told] = await clickhouse.client.query<{ miscounted: string }>(
    `SELECT miscounted FROM execution_recount FINAL WHERE meta_network_name = '${network}'`,
  );
  expect(told).toEqual({ miscounted: "0" });
});

test("leaves alone what is being written, and counts it when it has come to rest", async () => {
  const network = "fresh";
  await store(network, [5], new Date());
  expect(await recountNext(network)).toEqual([]);
  expect(await countedBuckets(network)).toEqual([]);
});

test("begins with the newest hour before a restart of ClickHouse, though it was counted then", async () => {
  const network = "restarted";
  const [server] = await clickhouse.client.query<{ started: string }>(
    "SELECT toUnixTimestamp(now()) - uptime() AS started",
  );
  const started = Number(server?.started) * 1000;
  await store(network, [1, 2], new Date(started - 30 * hour));
  await store(network, [1000], new Date(started - 0.5 * hour));
  await store(network, [2000], new Date(started - 3 * hour));
  await recountNext(network);
  await clickhouse.client.command(
    `INSERT INTO execution_recount SELECT * REPLACE (counted_at - INTERVAL 10 MINUTE AS counted_at)
     FROM execution_recount WHERE meta_network_name = '${network}'`,
  );
  const countedAgain = async () =>
    clickhouse.client.query<{ bucket: string; times: string }>(
      `SELECT bucket, uniqExact(counted_at) AS times FROM execution_recount WHERE meta_network_name = '${network}'
       GROUP BY bucket HAVING times > 2 ORDER BY bucket`,
    );
  // Only the copies that lie ten minutes back count from here on.
  await clickhouse.client.command(
    `ALTER TABLE execution_recount DELETE WHERE meta_network_name = '${network}'
     AND counted_at > fromUnixTimestamp64Milli(${started}) SETTINGS mutations_sync = 2`,
  );
  expect(await countedAgain()).toEqual([]);
  await recountNext(network);
  const newest = await clickhouse.client.query<{ bucket: string }>(
    `SELECT bucket FROM execution_recount FINAL
     WHERE meta_network_name = '${network}' AND counted_at > fromUnixTimestamp64Milli(${started}) ORDER BY bucket`,
  );
  expect(newest).toEqual([{ bucket: "1" }]);
});
