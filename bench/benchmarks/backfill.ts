import { processors } from "../../src/domain/processor.ts";
import { type Bench, type Benchmark, median } from "../benchmark.ts";
import { type Chain, startHeavyChain } from "../support/chains.ts";
import { database, startClickHouse } from "../support/clickhouse.ts";
import { CpuShares } from "../support/cpu-shares.ts";
import { hasGeth, startHeavyGeth } from "../support/geth-chain.ts";
import { startTaskRunner } from "../support/programs.ts";

const cpuTarget = 1.5;

/** A real node, blocks of 50 transactions, stacks on, one trace in flight. */
export const backfill: Benchmark = {
  name: "backfill",
  about:
    "blocks/s of the block job over blocks/s of fetching the same answers to nowhere, one trace in flight",
  unit: "blocks/s",
  target: 0.9,
  lowerIsBetter: false,
  async measure(bench) {
    const blocks = bench.isQuick ? 8 : 60;
    // anvil takes a second for a block of 25,000 steps with stacks: a few of them tell as much as many.
    const onAnvil = await measureOn(bench, "anvil", await startHeavyChain(bench.isQuick ? 8 : 16));
    const onGeth =
      bench.isQuick || !hasGeth
        ? null
        : await measureOn(bench, "geth", await startHeavyGeth(bench, blocks));
    const chosen = onGeth ?? onAnvil;
    return {
      ratio: Math.min(onAnvil.ratio, chosen.ratio),
      values: chosen.values,
      also: [
        {
          name: "CPU seconds of our process per million structlog rows",
          value: chosen.cpuSecondsPerMillionRows["worker"] ?? Number.NaN,
          target: cpuTarget,
          lowerIsBetter: true,
        },
        {
          name: "CPU seconds of ClickHouse per million structlog rows",
          value: chosen.cpuSecondsPerMillionRows["clickhouse"] ?? Number.NaN,
          target: cpuTarget,
          lowerIsBetter: true,
        },
      ],
      detail: { node: onGeth ? "geth" : "anvil", anvil: onAnvil, geth: onGeth },
    };
  },
};

async function measureOn(bench: Bench, name: string, chain: Chain) {
  bench.stops.add(chain.stop);
  const clickhouse = await startClickHouse(bench, name);
  const setting = {
    rpcUrl: chain.url,
    clickhouseUrl: clickhouse.url,
    database,
    network: name,
    processors,
  };
  const own = startTaskRunner(bench, setting);
  const fetcher = startTaskRunner(bench, setting);
  const shares = new CpuShares({ node: chain.pid, clickhouse: clickhouse.pid, worker: own.pid });
  const { fromBlock, toBlock } = chain;
  const range = { fromBlock, toBlock };
  const ours: number[] = [];
  const nowhere: number[] = [];
  let rows = 0;
  await own.run({ kind: "index", fromBlock, toBlock: Math.min(toBlock, fromBlock + 4) });
  for (let run = 0; run < bench.runs; run += 1) {
    const fetched = await fetcher.run({ kind: "fetch", ...range });
    const done = await shares.during(
      () => own.run({ kind: "index", ...range }),
      (result) => result.rows / 1e6,
    );
    rows = done.rows;
    ours.push(done.blocks / done.seconds);
    nowhere.push(fetched.blocks / fetched.seconds);
    bench.say(
      `${name}, run ${run + 1}: ${ours.at(-1)?.toFixed(2)} blocks/s, to nowhere ${nowhere.at(-1)?.toFixed(2)}`,
    );
  }
  await chain.stop();
  return {
    ratio: median(ours.map((speed, run) => speed / (nowhere[run] ?? Number.NaN))),
    values: ours,
    rows,
    rowsPerSecond: (median(ours) * rows) / (toBlock - fromBlock + 1),
    blocksPerSecondToNowhere: median(nowhere),
    cpuSecondsPerMillionRows: shares.medians(),
  };
}
