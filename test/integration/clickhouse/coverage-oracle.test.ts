import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import { type BlockRange, mergeRanges } from "../../../src/domain/block-range.ts";
import { type LedgerRow, ledgerStatuses, packVersion } from "../../../src/domain/ledger.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { ledgerRow } from "../../support/ledger-rows.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const processors = ["structlog", "transaction"] as const;
/** More than three of the buckets that coverage counts by, whose borders are drawn often. */
const top = 3300;
const edge = fc.oneof(
  fc.integer({ min: 0, max: top }),
  fc.constantFrom(0, 1, 999, 1000, 1001, 1999, 2000, 2999, 3000),
);
const range = fc
  .tuple(edge, edge)
  .map(([a, b]): BlockRange => ({ fromBlock: Math.min(a, b), toBlock: Math.max(a, b) }));
const insert = fc.record({
  processor: fc.constantFrom(...processors),
  range,
  step: fc.constantFrom(1, 1, 1, 2, 7),
  facts: fc.record({
    status: fc.constantFrom("complete" as const, "complete" as const, ...ledgerStatuses),
    proof: fc.constantFrom("proven" as const, "unverified" as const),
    generation: fc.integer({ min: 0, max: 3 }),
    attempts: fc.integer({ min: 1, max: 5 }),
    rowCount: fc.nat(3),
  }),
});
type Insert = typeof insert extends fc.Arbitrary<infer Value> ? Value : never;

const blocksOf = ({ fromBlock, toBlock }: BlockRange, step = 1) =>
  Array.from(
    { length: Math.floor((toBlock - fromBlock) / step) + 1 },
    (_, i) => fromBlock + i * step,
  );

/** The highest version of each block and processor, found one by one. */
class SlowReader {
  readonly #winners = new Map<string, LedgerRow>();

  /** @returns the rows of an insert, but for those whose version is the winner's: of equal ones the later wins. */
  take(network: string, { processor, range: blocks, step, facts }: Insert): LedgerRow[] {
    return blocksOf(blocks, step).flatMap((blockNumber) => {
      const row = ledgerRow({ network, processor, blockNumber, ...facts });
      const key = `${processor}:${blockNumber}`;
      const winner = this.#winners.get(key);
      if (winner && packVersion(winner) === packVersion(row)) return [];
      if (!winner || packVersion(winner) < packVersion(row)) this.#winners.set(key, row);
      return [row];
    });
  }

  statusOf(processor: string, block: number): string {
    const winner = this.#winners.get(`${processor}:${block}`);
    if (!winner || winner.status === "retracted") return "missing";
    return winner.status === "complete" ? winner.proof : winner.status;
  }

  rowsOf(processor: string, blocks: readonly number[]): number {
    const winners = blocks.flatMap((block) => this.#winners.get(`${processor}:${block}`) ?? []);
    return winners.reduce((sum, row) => sum + (row.status === "complete" ? row.rowCount : 0), 0);
  }
}

async function expectRanges(network: string, ranges: readonly BlockRange[]): Promise<void> {
  await createRangeStore(clickhouse.client).write(
    processors.flatMap((processor) =>
      ranges.map((blocks, index) => ({
        network,
        processor,
        ...blocks,
        origin: "backfill" as const,
        workflowId: `backfill/${network}/${index}`,
        state: "done" as const,
      })),
    ),
  );
}

let run = 0;
test("coverage of any window, and gaps, are what a slow reader of all versions says, merged or not", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(insert, { minLength: 1, maxLength: 6 }),
      fc.array(range, { minLength: 1, maxLength: 4 }),
      range,
      fc.integer({ min: 0, max: 6 }),
      async (inserts, ranges, window, mergedAfter) => {
        run += 1;
        const network = `oracle-${run}`;
        const ledger = createLedger(clickhouse.client);
        const slow = new SlowReader();
        await expectRanges(network, ranges);
        for (const [index, one] of inserts.entries()) {
          const rows = slow.take(network, one);
          if (rows.length > 0) await ledger.write(rows);
          if (index !== mergedAfter) continue;
          await clickhouse.client.command("OPTIMIZE TABLE execution_block FINAL");
        }
        const expected = mergeRanges(ranges).flatMap((blocks) => blocksOf(blocks));
        const inWindow = expected.filter((b) => b >= window.fromBlock && b <= window.toBlock);
        for (const processor of processors) {
          for (const asked of [{ blocks: expected }, { blocks: inWindow, window }]) {
            const { blocks, ...within } = asked;
            const query = { network, processor, verify: false, ...within };
            const coverage = await ledger.coverage(query);
            const told = coverage.ranges.flatMap(({ status, ...part }) =>
              blocksOf(part).map((block) => [block, status]),
            );
            expect(told).toEqual(blocks.map((block) => [block, slow.statusOf(processor, block)]));
            expect(coverage.rowCount).toBe(slow.rowsOf(processor, blocks));
          }
        }
        const gaps = await ledger.findGaps({
          network,
          processors: [...processors],
          expected: await createRangeStore(clickhouse.client).read(network),
          inHand: [],
          limit: top + 1,
          now: "2026-01-01T00:00:00.000Z",
        });
        const anyOf = (blocks: readonly number[], status: string) =>
          blocks.filter((block) => processors.some((one) => slow.statusOf(one, block) === status));
        const all = blocksOf({ fromBlock: 0, toBlock: top });
        const missing = anyOf(expected, "missing");
        expect(gaps.counts).toEqual({
          missing: missing.length,
          failed: anyOf(all, "failed").length,
          quarantined: anyOf(all, "quarantined").length,
        });
        const toldMissing = gaps.missing.flatMap((part) => blocksOf(part));
        expect(toldMissing.toSorted((a, b) => a - b)).toEqual(missing);
      },
    ),
    { numRuns: 12 },
  );
});
