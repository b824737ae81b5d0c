import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createNetworkStore } from "../../../src/clickhouse/networks.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import { type LedgerRow, ledgerStatuses, packVersion } from "../../../src/domain/ledger.ts";
import { NetworkBindingError } from "../../../src/errors.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { hashOf, ledgerRow } from "../../support/ledger-rows.ts";

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await startTestClickHouse();
});
afterAll(() => clickhouse.stop());

const ledger = () => createLedger(clickhouse.client);
const ranges = () => createRangeStore(clickhouse.client);
const now = "2026-01-01T00:00:00.000Z";

describe("rows", () => {
  test("come back as they were written", async () => {
    const failed = ledgerRow({
      network: "written",
      blockNumber: 7,
      status: "failed",
      attempts: 3,
      generation: 4_294_967_295,
      nextAttemptAt: "2026-03-04T05:06:07.089Z",
      errorKind: "trace_cut",
      errorMessage: "an 'odd' one: \\ \n\n \t é",
      attemptId: "0",
    });
    const complete = ledgerRow({
      network: "written",
      blockNumber: 8,
      processor: "transaction",
      attemptId: "18446744073709551615",
      transactionCount: 3,
      structlogCount: 2_000_000,
      rowCount: 3,
      proofDetail: '{"checked":["header"],"unverified":[]}',
    });
    await ledger().write([complete, failed]);
    const read = await ledger().read({
      network: "written",
      processors: ["structlog", "transaction"],
      range: { fromBlock: 7, toBlock: 8 },
    });
    expect(read).toEqual([failed, complete]);
    expect(await ledger().readBlocks("written", ["transaction"], [8, 7, 99])).toEqual([complete]);
  });

  test("of one write stand in one part: all processors and numbers flip at once", async () => {
    await ledger().write(
      Array.from({ length: 500 }, (_, blockNumber) => [
        ledgerRow({ network: "atomic", blockNumber }),
        ledgerRow({ network: "atomic", blockNumber, processor: "transaction" }),
      ]).flat(),
    );
    const parts = await clickhouse.client.query(
      "SELECT uniqExact(_part) AS parts, count() AS rows FROM execution_block WHERE meta_network_name = 'atomic'",
    );
    expect(parts).toEqual([{ parts: "1", rows: "1000" }]);
  });

  test("are won by generation, then rank, then attempts, in whatever order they arrive", async () => {
    const version = fc.record({
      status: fc.constantFrom(...ledgerStatuses),
      generation: fc.integer({ min: 0, max: 3 }),
      attempts: fc.integer({ min: 0, max: 0xffff }),
    });
    let blockNumber = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(version, { minLength: 1, maxLength: 6 }), async (versions) => {
        blockNumber += 1;
        const rows = versions.map((row) => ledgerRow({ ...row, network: "order", blockNumber }));
        for (const row of rows) await ledger().write([row]);
        const [winner] = await ledger().readBlocks("order", ["structlog"], [blockNumber]);
        const highest = rows.map(packVersion).toSorted((a, b) => (a < b ? 1 : -1))[0];
        expect(winner && packVersion(winner)).toBe(highest);
        const newest = Math.max(...versions.map(({ generation }) => generation));
        const isComplete = versions.some(
          ({ status, generation }) => status === "complete" && generation === newest,
        );
        expect(winner?.status === "complete").toBe(isComplete);
      }),
      { numRuns: 25 },
    );
  });

  test("leave every version in the block's history, oldest first", async () => {
    const versions: LedgerRow[] = [
      ledgerRow({ network: "story", blockNumber: 5, status: "failed" }),
      ledgerRow({ network: "story", blockNumber: 5 }),
      ledgerRow({ network: "story", blockNumber: 5, status: "failed", attempts: 9 }),
    ];
    for (const row of versions) await ledger().write([row]);
    const history = await ledger().history("story", 5);
    expect(history).toEqual(versions.map((row) => ({ ...row, updatedAt: expect.any(String) })));
    expect(history.every(({ updatedAt }) => Date.now() - Date.parse(updatedAt) < 60_000)).toBe(
      true,
    );
  });

  test("are found by status and kind, and their hashes newest first", async () => {
    const network = "found";
    await ledger().write([
      ...[1, 2, 3, 4].map((blockNumber) => ledgerRow({ network, blockNumber })),
      ledgerRow({ network, blockNumber: 4, processor: "transaction" }),
      ledgerRow({ network, blockNumber: 900, status: "quarantined", errorKind: "proof_mismatch" }),
      ledgerRow({ network, blockNumber: 901, status: "quarantined", errorKind: "trace_cut" }),
      ledgerRow({ network, blockNumber: 902, status: "failed" }),
      ledgerRow({ network, blockNumber: 903, processor: "structlog_agg", status: "quarantined" }),
    ]);
    const quarantined = { network, processors: ["structlog"], status: "quarantined" } as const;
    expect(await ledger().findByStatus({ ...quarantined, limit: 10 })).toEqual([901, 900]);
    expect(await ledger().findByStatus({ ...quarantined, limit: 1 })).toEqual([901]);
    const kind = "proof_mismatch";
    expect(await ledger().findByStatus({ ...quarantined, kind, limit: 10 })).toEqual([900]);
    const range = { fromBlock: 901, toBlock: 901 };
    expect(await ledger().findByStatus({ ...quarantined, range, limit: 10 })).toEqual([901]);
    const other = { ...quarantined, processors: ["transaction", "structlog_agg"] } as const;
    expect(await ledger().findByStatus({ ...other, limit: 1 })).toEqual([903]);
    expect(await ledger().hashesAbove(network, 2, 10)).toEqual([
      { number: 4, hash: hashOf(4), parentHash: hashOf(3) },
      { number: 3, hash: hashOf(3), parentHash: hashOf(2) },
    ]);
    const wide = await ledger().hashesAbove(network, -1, 2);
    expect(wide.map(({ number }) => number)).toEqual([4, 3]);
    const low = await ledger().hashesIn(network, { fromBlock: 2, toBlock: 9 }, 2);
    expect(low.map(({ number }) => number)).toEqual([2, 3]);
    expect(await ledger().hashesIn(network, { fromBlock: 4, toBlock: 4 }, 9)).toHaveLength(1);
  });

  test("of one decision count once, also in the events, whoever writes them second", async () => {
    const network = "decided";
    const own = ledgerRow({ network, blockNumber: 5, attemptId: "1", generation: 2 });
    const other = { ...own, attemptId: "2" };
    await Promise.all([
      ledger().write([own], undefined, "the same reorg"),
      ledger().write([other], undefined, "the same reorg"),
    ]);
    await ledger().write([other], undefined, "the same reorg");
    const [standing] = await ledger().readBlocks(network, ["structlog"], [5]);
    // Which of two that come at once is the first may differ between the tables; both have their rows.
    expect(["1", "2"]).toContain(standing?.attemptId);
    expect(await ledger().history(network, 5)).toHaveLength(1);
    await ledger().write([other], undefined, "another reorg");
    expect(await ledger().history(network, 5)).toHaveLength(2);
  });

  test("that once called a block complete are found by its hash, newest first", async () => {
    const network = "returned";
    const old = ledgerRow({ network, blockNumber: 5 });
    const other = ledgerRow({ network, blockNumber: 5, blockHash: hashOf("b5"), generation: 2 });
    const again = ledgerRow({ network, blockNumber: 5, attemptId: "77", generation: 4 });
    const failed = ledgerRow({ network, blockNumber: 5, status: "failed", generation: 5 });
    const next = ledgerRow({ network, blockNumber: 6, blockHash: hashOf("b6"), generation: 2 });
    for (const row of [old, other, again, failed, next]) await ledger().write([row]);
    const wanted = [old, next].map(({ blockNumber, blockHash, parentHash }) => ({
      number: blockNumber,
      hash: blockHash,
      parentHash,
    }));
    expect(await ledger().completedVersions(network, wanted)).toEqual([again, old, next]);
    expect(await ledger().completedVersions(network, [])).toEqual([]);
  });
});

describe("gaps", () => {
  const query = { processors: ["structlog"] as const, expected: [], inHand: [], limit: 100, now };

  test("are what is expected minus the ledger, newest first, bounded, and not in hand", async () => {
    const network = "gaps";
    const base = { network, processor: "structlog", origin: "backfill" } as const;
    await ranges().write([
      { ...base, fromBlock: 10, toBlock: 19, workflowId: "a", state: "done" },
      { ...base, fromBlock: 15, toBlock: 29, workflowId: "b", state: "abandoned" },
      {
        ...base,
        fromBlock: 100,
        toBlock: null,
        workflowId: "f",
        state: "running",
        origin: "follow",
      },
    ]);
    await ledger().write([
      ...[10, 11, 12, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 100, 103, 104].map((blockNumber) =>
        ledgerRow({ network, blockNumber }),
      ),
      ledgerRow({ network, blockNumber: 105, status: "retracted" }),
      // Somebody requeued a number above the head.
      ledgerRow({
        network,
        blockNumber: 15_000_000,
        status: "quarantined",
        errorKind: "block_not_found",
      }),
      ledgerRow({ network, blockNumber: 102, status: "retracted" }),
      ledgerRow({
        network,
        blockNumber: 13,
        status: "failed",
        nextAttemptAt: "2025-12-31T23:59:59.000Z",
      }),
      ledgerRow({
        network,
        blockNumber: 14,
        status: "failed",
        nextAttemptAt: "2026-01-01T00:00:01.000Z",
      }),
      ledgerRow({ network, blockNumber: 15, status: "quarantined" }),
    ]);
    const expected = await ranges().read(network);
    expect(await ledger().findGaps({ ...query, network, expected })).toEqual({
      missing: [
        { fromBlock: 101, toBlock: 102 },
        { fromBlock: 16, toBlock: 19 },
      ],
      due: [13],
      unchained: [],
      counts: { missing: 6, failed: 2, quarantined: 2 },
      nextDueAt: "2026-01-01T00:00:01.000Z",
      byProcessor: [
        { processor: "structlog", missing: 6, failed: 2, quarantined: 2, oldestMissingDepth: 89 },
      ],
    });
    const bounded = await ledger().findGaps({ ...query, network, expected, limit: 3 });
    expect(bounded.missing).toEqual([
      { fromBlock: 101, toBlock: 102 },
      { fromBlock: 19, toBlock: 19 },
    ]);
    expect(bounded.counts.missing).toBe(6);
    const inHand = [{ fromBlock: 17, toBlock: 101 }];
    expect((await ledger().findGaps({ ...query, network, expected, inHand })).missing).toEqual([
      { fromBlock: 102, toBlock: 102 },
      { fromBlock: 16, toBlock: 16 },
    ]);
  });

  test("name the higher of two complete neighbours that do not chain", async () => {
    const network = "chain";
    await ledger().write([
      ...[1, 2, 3, 5].map((blockNumber) => ledgerRow({ network, blockNumber })),
      ledgerRow({ network, blockNumber: 4, blockHash: hashOf("f4"), parentHash: hashOf("f3") }),
      ledgerRow({ network, blockNumber: 6, status: "failed" }),
      ledgerRow({ network, blockNumber: 7 }),
    ]);
    expect((await ledger().findGaps({ ...query, network })).unchained).toEqual([5, 4]);
  });

  test("of a long ledger are found in old blocks too, slice by slice", async () => {
    const network = "long";
    await clickhouse.client.command(
      `INSERT INTO execution_block (meta_network_name, processor, block_number, block_hash, parent_hash, status, version)
       SELECT '${network}', 'structlog', number, leftPad(toString(number), 66, '0'),
         if(number = 150000, 'f', leftPad(toString(toInt64(number) - 1), 66, '0')), 'complete', 196608
       FROM numbers(500000)`,
    );
    await ranges().write([
      {
        network,
        processor: "structlog",
        fromBlock: 0,
        toBlock: 500_000,
        origin: "backfill",
        workflowId: "b",
        state: "done",
      },
    ]);
    // Five slices; scans that keep step with any clock see all of them.
    const one = ledger();
    const found = [];
    for (let scan = 0; scan < 5; scan += 1) {
      const gaps = await one.findGaps({
        ...query,
        network,
        expected: await ranges().read(network),
        now: new Date(scan * 300_000).toISOString(),
      });
      expect(gaps.missing).toEqual([{ fromBlock: 500_000, toBlock: 500_000 }]);
      found.push(...gaps.unchained);
    }
    expect(found).toEqual([150_000]);
  });

  test("are none where nothing is expected", async () => {
    expect(await ledger().findGaps({ ...query, network: "nowhere" })).toEqual({
      missing: [],
      due: [],
      unchained: [],
      counts: { missing: 0, failed: 0, quarantined: 0 },
      nextDueAt: null,
      byProcessor: [
        { processor: "structlog", missing: 0, failed: 0, quarantined: 0, oldestMissingDepth: 0 },
      ],
    });
  });
});

describe("coverage", () => {
  const status = fc.constantFrom("proven", "unverified", "failed", "quarantined", "missing");

  test("gives each expected block the status of its ledger row, as runs", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(status, { minLength: 1, maxLength: 30 }),
        fc.nat(20),
        fc.nat(20),
        // Around a border of the buckets that coverage counts in, and far from one.
        fc.constantFrom(3, 985, 999_990),
        async (statuses, offset, length, first) => {
          run += 1;
          const start = first - 3 + offset;
          const network = `cover-${run}`;
          const expected = { fromBlock: first, toBlock: first + statuses.length - 1 };
          await ranges().write([
            {
              network,
              processor: "structlog",
              ...expected,
              origin: "backfill",
              workflowId: "b",
              state: "done",
            },
          ]);
          const rows = statuses.flatMap((word, index) => {
            const block = { network, blockNumber: first + index };
            if (word === "missing")
              return index % 2 ? [ledgerRow({ ...block, status: "retracted" })] : [];
            if (word === "proven" || word === "unverified")
              return [ledgerRow({ ...block, proof: word })];
            return [ledgerRow({ ...block, status: word === "failed" ? "failed" : "quarantined" })];
          });
          // Blocks that nobody expects stay out.
          await ledger().write([...rows, ledgerRow({ network, blockNumber: 5_000_000 })]);
          const window = { fromBlock: start, toBlock: start + length };
          const coverage = await ledger().coverage({
            network,
            processor: "structlog",
            verify: false,
            window,
          });
          const told = coverage.ranges.flatMap(({ fromBlock, toBlock, status: word }) =>
            Array.from({ length: toBlock - fromBlock + 1 }, (_, index) => [
              fromBlock + index,
              word,
            ]),
          );
          const wanted = statuses
            .map((word, index) => [first + index, word] as const)
            .filter(([block]) => block >= window.fromBlock && block <= window.toBlock);
          expect(told).toEqual(wanted);
          coverage.ranges.forEach((range, index) => {
            const next = coverage.ranges[index + 1];
            if (next && next.fromBlock === range.toBlock + 1)
              expect(next.status).not.toBe(range.status);
          });
          for (const word of [
            "proven",
            "unverified",
            "failed",
            "quarantined",
            "missing",
          ] as const) {
            const count = wanted.filter((pair) => pair[1] === word).length;
            expect(coverage.blocks[word]).toBe(count);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test("recounts on demand: finds lost rows, and rows that stand twice", async () => {
    const network = "recount";
    await ranges().write([
      {
        network,
        processor: "transaction",
        fromBlock: 1,
        toBlock: 3,
        origin: "backfill",
        workflowId: "b",
        state: "done",
      },
    ]);
    await ledger().write(
      [1, 2, 3].map((blockNumber) =>
        ledgerRow({
          network,
          processor: "transaction",
          blockNumber,
          rowCount: 2,
          transactionCount: 2,
        }),
      ),
    );
    const insert = (block: number, attempt: number, positions: number[]) =>
      clickhouse.client.insertRows(
        "execution_transaction",
        positions.map((position) => ({
          meta_network_name: network,
          block_number: block,
          attempt_id: attempt,
          position,
        })),
        { token: `${block}:${attempt}:${positions.join()}` },
      );
    await insert(1, 2, [0, 1]);
    await insert(1, 77, [0, 1, 2]);
    await insert(2, 3, [0]);
    await insert(3, 4, [0, 1]);
    await insert(3, 4, [1]);
    const query = { network, processor: "transaction" } as const;
    const unverified = await ledger().coverage({ ...query, verify: false });
    expect(unverified).toMatchObject({ miscounted: [], duplicates: 0, lastRecountAt: null });
    const verified = await ledger().coverage({ ...query, verify: true });
    expect(verified).toMatchObject({
      miscounted: [2, 3],
      duplicates: 1,
      transactionCount: 6,
      rowCount: 6,
    });
    expect(Date.parse(verified.lastRecountAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe("a network", () => {
  const binding = { network: "bound", chainId: 1, genesisHash: hashOf(1) };

  test("is bound to the chain of its first use, and to no other afterwards", async () => {
    const networks = createNetworkStore(clickhouse.client);
    await networks.bind(binding);
    await networks.bind(binding);
    await expect(networks.bind({ ...binding, chainId: 2 })).rejects.toBeInstanceOf(
      NetworkBindingError,
    );
    await expect(networks.bind({ ...binding, genesisHash: hashOf(2) })).rejects.toThrow(
      /chain id 1/,
    );
  });

  test("is bound once when two workers with different chains begin at the same time", async () => {
    const networks = createNetworkStore(clickhouse.client);
    const race = async (network: string) => {
      const outcomes = await Promise.allSettled(
        [1, 2, 3].map((chainId) => networks.bind({ ...binding, network, chainId })),
      );
      return outcomes.filter(({ status: outcome }) => outcome === "fulfilled").length;
    };
    for (let round = 0; round < 15; round += 1) {
      expect(await race(`raced-${round}`)).toBeLessThanOrEqual(1);
      expect(await race(`raced-${round}`)).toBe(1);
    }
  });

  test("keeps the highest finalized block and the highest swept one, also when a node sinks or forgets them", async () => {
    const networks = createNetworkStore(clickhouse.client);
    await networks.bind({ ...binding, network: "final" });
    expect(await networks.raiseFinalized("final", null)).toBeNull();
    expect(await networks.raiseFinalized("final", 0)).toBe(0);
    expect(await networks.raiseFinalized("final", 64)).toBe(64);
    expect(await networks.raiseFinalized("final", 32)).toBe(64);
    expect(await networks.raiseFinalized("final", null)).toBe(64);
    expect(await networks.raiseSwept("final", null)).toBeNull();
    expect(await networks.raiseSwept("final", 30)).toBe(30);
    expect(await networks.raiseFinalized("final", 70)).toBe(70);
    expect(await networks.raiseSwept("final", 20)).toBe(30);
    await networks.bind({ ...binding, network: "final" });
  });
});

test("a range is what its workflow wrote last", async () => {
  const range = {
    network: "ranges",
    processor: "structlog",
    fromBlock: 5,
    toBlock: null,
    origin: "follow",
    workflowId: "follow/ranges",
    state: "running",
  } as const;
  await ranges().write([range]);
  await ranges().write([{ ...range, toBlock: 90, state: "done" }]);
  expect(await ranges().read("ranges")).toEqual([{ ...range, toBlock: 90, state: "done" }]);
});
