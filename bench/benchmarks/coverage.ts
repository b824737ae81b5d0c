import { createClickHouse } from "../../src/clickhouse/client.ts";
import { createLedger } from "../../src/clickhouse/ledger.ts";
import { createRangeStore } from "../../src/clickhouse/ranges.ts";
import { readCoverage } from "../../src/client/coverage.ts";
import { processors } from "../../src/domain/processor.ts";
import { type Benchmark, median } from "../benchmark.ts";
import { database, startClickHouse } from "../support/clickhouse.ts";
import { CpuShares } from "../support/cpu-shares.ts";
import { fillLedger } from "../support/ledger.ts";

const wantedMs = 2000;
const network = "coverage";
/** CPU is counted by the call. */
const once = () => 1;

/** The read side of the ledger: what `coverage`, gap-fill's scan and a researcher's block cost. */
export const coverage: Benchmark = {
  name: "coverage",
  about: `ms of coverage of all processors over 50 million ledger rows, over ${wantedMs}`,
  unit: "ms",
  target: 1,
  lowerIsBetter: true,
  async measure(bench) {
    const rows = bench.isQuick ? 3_000_000 : 50_000_000;
    const server = await startClickHouse(bench);
    const clickhouse = createClickHouse({ url: server.url, database });
    bench.stops.add(() => clickhouse.close());
    const blocks = await fillLedger(clickhouse, { network, rows, say: bench.say });
    const ledger = createLedger(clickhouse);
    const expected = await createRangeStore(clickhouse).read(network);
    const pids = { clickhouse: server.pid, ours: process.pid };
    const cpu = { coverage: new CpuShares(pids), scan: new CpuShares(pids) };
    const all: number[] = [];
    const scans: number[] = [];
    const views: number[] = [];
    for (let run = 0; run < bench.runs; run += 1) {
      const cover = () => readCoverage(ledger, { network, processors, verify: false });
      all.push(await timed(() => cpu.coverage.during(cover, once)));
      const now = new Date().toISOString();
      const scan = () =>
        ledger.findGaps({ network, processors, expected, inHand: [], limit: 640, now });
      scans.push(await timed(() => cpu.scan.during(scan, once)));
      const block = Math.floor(((run + 1) / (bench.runs + 1)) * blocks);
      views.push(
        await timed(() =>
          clickhouse.query(
            `SELECT * FROM canonical_execution_transaction_structlog
             WHERE meta_network_name = '${network}' AND block_number = ${block}`,
          ),
        ),
      );
      bench.say(
        `run ${run + 1}: coverage ${Math.round(all.at(-1) ?? 0)} ms, scan for gaps ${Math.round(scans.at(-1) ?? 0)} ms, one block ${Math.round(views.at(-1) ?? 0)} ms`,
      );
    }
    return {
      ratio: median(all) / wantedMs,
      values: all,
      also: [
        {
          name: "one block through a view, ms",
          value: median(views),
          target: 100,
          lowerIsBetter: true,
        },
        { name: "scan for gaps, ms", value: median(scans), target: wantedMs, lowerIsBetter: true },
      ],
      detail: {
        ledgerRows: rows,
        blocksPerProcessor: blocks,
        cpuSecondsOfCoverage: cpu.coverage.medians(),
        cpuSecondsOfScan: cpu.scan.medians(),
      },
    };
  },
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
