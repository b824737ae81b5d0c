import { type Processor, processors } from "../../src/domain/processor.ts";
import { type Bench, type Benchmark, median } from "../benchmark.ts";
import { startHeavyChain } from "../support/chains.ts";
import { database, startClickHouse } from "../support/clickhouse.ts";
import { startNode, startTaskRunner } from "../support/programs.ts";
import { type RecordedChain, recordedChain } from "../support/recorded-chain.ts";

/** Ours alone: the node is a file, so that it is not the limit. */
export const pipeline: Benchmark = {
  name: "pipeline",
  about:
    "rows/s of the block job, storing structlog and transaction, over rows/s of viem + JSON.parse + JSONEachRow, same traces",
  unit: "rows/s",
  target: 5,
  lowerIsBetter: false,
  async measure(bench) {
    const blocks = bench.isQuick ? 8 : 60;
    const chain = await recordedChain(`heavy-${blocks}`, () => startHeavyChain(blocks));
    const twoTables = await measureStoring(bench, chain, blocks, ["structlog", "transaction"]);
    const threeTables = await measureStoring(bench, chain, blocks, processors);
    return {
      ratio: twoTables.ratio,
      values: twoTables.values,
      also: [
        {
          name: "three tables and stacks, over a naive pipeline that still stores one table",
          value: threeTables.ratio,
          target: 5,
          lowerIsBetter: false,
        },
      ],
      detail: { twoTables, threeTables },
    };
  },
};

async function measureStoring(
  bench: Bench,
  { folder, head }: RecordedChain,
  blocks: number,
  stored: readonly Processor[],
) {
  const node = await startNode(bench, "served-node", [folder]);
  const clickhouse = await startClickHouse(bench, `clickhouse-${stored.length}`);
  const setting = {
    rpcUrl: node.url,
    clickhouseUrl: clickhouse.url,
    database,
    network: "heavy",
    processors: stored,
  };
  // A process each: what one leaves in the heap is no burden of the other.
  const own = startTaskRunner(bench, setting);
  const naive = startTaskRunner(bench, setting);
  const range = { fromBlock: head - blocks + 1, toBlock: head };
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  const cpu: number[] = [];
  const naiveCpu: number[] = [];
  let rows = 0;
  await own.run({ kind: "index", ...range, toBlock: range.fromBlock + 5 });
  for (let run = 0; run < bench.runs; run += 1) {
    const slow = await naive.run({ kind: "naive", ...range });
    const fast = await own.run({ kind: "index", ...range });
    rows = fast.rows;
    ours.push(fast.rows / fast.seconds);
    theirs.push(slow.rows / slow.seconds);
    ratios.push(fast.rows / fast.seconds / (slow.rows / slow.seconds));
    cpu.push((fast.cpuSeconds / fast.rows) * 1e6);
    naiveCpu.push((slow.cpuSeconds / slow.rows) * 1e6);
    bench.say(
      `${stored.length} tables, run ${run + 1}: ${Math.round(ours.at(-1) ?? 0)} rows/s, naive ${Math.round(theirs.at(-1) ?? 0)}`,
    );
  }
  await Promise.all([own.stop(), naive.stop(), node.process.kill(), clickhouse.stop()]);
  return {
    ratio: median(ratios),
    values: ours,
    rows,
    naiveRowsPerSecond: median(theirs),
    ratios,
    cpuSecondsPerMillionRows: { ours: median(cpu), naive: median(naiveCpu) },
  };
}
