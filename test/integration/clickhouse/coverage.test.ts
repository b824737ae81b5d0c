import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fillLedger } from "../../../bench/support/ledger.ts";
import { groupsSql, placesSql } from "../../../src/clickhouse/buckets.ts";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import { type LedgerRow, ledgerStatuses, packVersion } from "../../../src/domain/ledger.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { ledgerRow } from "../../support/ledger-rows.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const ledger = () => createLedger(clickhouse.client);

async function expectBlocks(network: string, fromBlock: number, toBlock: number): Promise<void> {
  await createRangeStore(clickhouse.client).write([
    {
      network,
      processor: "structlog",
      fromBlock,
      toBlock,
      origin: "backfill",
      workflowId: `backfill/${network}/${fromBlock}-${toBlock}`,
      state: "done",
    },
  ]);
}

/** What a slow reader of all versions would say of a block. */
function statusOf(versions: readonly LedgerRow[]): string {
  const winner = versions.toSorted((a, b) => (packVersion(a) < packVersion(b) ? 1 : -1))[0];
  if (!winner || winner.status === "retracted") return "missing";
  return winner.status === "complete" ? winner.proof : winner.status;
}

describe("coverage of a ledger that moves", () => {
  // Around a border of the buckets that are counted, and of those that a projection keeps.
  const first = 990;
  const blocks = 20;
  const version = fc.record({
    block: fc.integer({ min: first, max: first + blocks - 1 }),
    status: fc.constantFrom(...ledgerStatuses),
    proof: fc.constantFrom("proven" as const, "unverified" as const),
    generation: fc.integer({ min: 0, max: 2 }),
    attempts: fc.integer({ min: 1, max: 9 }),
    rowCount: fc.nat(5),
  });

  /** What one commit says of every block, so that it may hide all that was said before. */
  const seal = fc.record({
    status: fc.constantFrom("complete" as const, "complete" as const, ...ledgerStatuses),
    proof: fc.constantFrom("proven" as const, "unverified" as const),
    generation: fc.integer({ min: 0, max: 3 }),
    attempts: fc.integer({ min: 1, max: 9 }),
    rowCount: fc.nat(5),
  });
  type Seal = typeof seal extends fc.Arbitrary<infer Value> ? Value : never;
  const everyBlock = (facts: Seal) =>
    Array.from({ length: blocks }, (_, index) => ({ block: first + index, ...facts }));

  test("counts the winner of each block after late events, zombies, releases, reorgs and merges", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(version, { minLength: 1, maxLength: 40 }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.option(fc.record({ facts: seal, isLast: fc.boolean() })),
        fc.boolean(),
        async (drawn, sealed, merged) => {
          const whole = sealed ? [everyBlock(sealed.facts)] : [];
          const inserts = sealed?.isLast ? [...drawn, ...whole] : [...whole, ...drawn];
          run += 1;
          const network = `moving-${run}`;
          await expectBlocks(network, first, first + blocks - 1);
          const written = new Map<number, LedgerRow[]>();
          for (const insert of inserts) {
            const rows = new Map<bigint | string, LedgerRow>();
            for (const { block, ...facts } of insert) {
              const row = ledgerRow({ network, blockNumber: block, ...facts });
              // Of equal versions the later wins; which one that is in one insert nobody promises.
              const before = written.get(block) ?? [];
              const isKnown = before.some((known) => packVersion(known) === packVersion(row));
              if (!isKnown) rows.set(`${block}:${packVersion(row)}`, row);
            }
            for (const row of rows.values()) {
              written.set(row.blockNumber, [...(written.get(row.blockNumber) ?? []), row]);
            }
            await ledger().write([...rows.values()]);
          }
          if (merged) await clickhouse.client.command("OPTIMIZE TABLE execution_block FINAL");
          const coverage = await ledger().coverage({
            network,
            processor: "structlog",
            verify: false,
          });
          const told = coverage.ranges.flatMap(({ fromBlock, toBlock, status }) =>
            Array.from({ length: toBlock - fromBlock + 1 }, (_, i) => [fromBlock + i, status]),
          );
          const wanted = Array.from({ length: blocks }, (_, i) => [
            first + i,
            statusOf(written.get(first + i) ?? []),
          ]);
          expect(told).toEqual(wanted);
          const rowsOfWinners = [...written.values()]
            .map((rows) => rows.toSorted((a, b) => (packVersion(a) < packVersion(b) ? 1 : -1))[0]!)
            .filter(({ status }) => status === "complete")
            .reduce((sum, { rowCount }) => sum + rowCount, 0);
          expect(coverage.rowCount).toBe(rowsOfWinners);
          const gaps = await ledger().findGaps({
            network,
            processors: ["structlog"],
            expected: await createRangeStore(clickhouse.client).read(network),
            inHand: [],
            limit: 100,
            now: "2026-01-01T00:00:00.000Z",
          });
          const count = (status: string) => wanted.filter(([, one]) => one === status).length;
          expect(gaps.counts).toEqual({
            missing: count("missing"),
            failed: count("failed"),
            quarantined: count("quarantined"),
          });
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("coverage of a long ledger", () => {
  const network = "long";
  let blocks = 0;
  beforeAll(async () => {
    blocks = await fillLedger(clickhouse.client, { network, rows: 1_500_000, say: () => {} });
  });

  test("is what the generator wrote, and gaps agree with it", async () => {
    const coverage = await ledger().coverage({ network, processor: "transaction", verify: false });
    expect(blocks).toBe(500_000);
    expect(coverage.blocks).toEqual({
      proven: blocks - 5 * (20 + 10 + 5 + 50),
      unverified: 250,
      failed: 50,
      quarantined: 25,
      missing: 100,
    });
    expect(coverage.transactionCount).toBe((blocks - 5 * (20 + 10 + 5)) * 150);
    const processors = ["structlog", "structlog_agg", "transaction"] as const;
    const gaps = await ledger().findGaps({
      network,
      processors,
      expected: await createRangeStore(clickhouse.client).read(network),
      inHand: [],
      limit: 3,
      now: "2026-01-01T00:00:00.000Z",
    });
    expect(gaps.counts).toEqual({ missing: 100, failed: 50, quarantined: 25 });
    expect(gaps.missing).toEqual(
      [400_038, 400_036, 400_034].map((block) => ({ fromBlock: block, toBlock: block })),
    );
  });

  test("of thousands of blocks that were asked for one by one is quick and exact", async () => {
    const scattered = "scattered";
    await clickhouse.client.command(
      `INSERT INTO execution_block (meta_network_name, processor, block_number, status, proof, version, row_count)
       SELECT '${scattered}', 'structlog', number * 300, 'complete', if(number % 10 = 0, 'unverified', 'proven'), 196609, 2
       FROM numbers(3000)`,
    );
    await clickhouse.client.command(
      `INSERT INTO execution_range (meta_network_name, processor, from_block, to_block, origin, workflow_id, state)
       SELECT '${scattered}', 'structlog', number * 300 AS block, block + if(number = 7, 20, 0), 'backfill', toString(number), 'done'
       FROM numbers(3000)`,
    );
    const startedAt = performance.now();
    const coverage = await ledger().coverage({
      network: scattered,
      processor: "structlog",
      verify: false,
    });
    expect(coverage.blocks).toMatchObject({ proven: 2700, unverified: 300, missing: 20 });
    expect(coverage.rowCount).toBe(6000);
    // A condition for each of them, evaluated for every row, took minutes.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  test.each([
    ["groups", groupsSql],
    ["places", placesSql],
  ])("%s are answered from the projection: no row of the ledger is read", async (_name, sql) => {
    const plan = await clickhouse.client.query<{ explain: string }>(`EXPLAIN indexes = 1 ${sql}`, {
      parameters: { network, processor: "structlog", from: 0, to: 1000 },
    });
    expect(plan.map(({ explain }) => explain).join("\n")).toContain("coverage_bucket");
  });

  test.each([
    "canonical_execution_transaction",
    "canonical_execution_transaction_structlog",
    "canonical_execution_transaction_structlog_agg",
  ])("one block of %s reads a granule or two of the ledger", async (view) => {
    const estimate = await clickhouse.client.query<{ table: string; rows: string }>(
      `EXPLAIN ESTIMATE SELECT * FROM ${view} WHERE meta_network_name = '${network}' AND block_number = 250000`,
    );
    const read = estimate
      .filter(({ table }) => table === "execution_block")
      .reduce((sum, { rows }) => sum + Number(rows), 0);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(8 * 8192);
  });
});
