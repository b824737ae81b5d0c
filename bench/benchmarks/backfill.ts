import { type Processor, processors } from "../../src/domain/processor.ts";
import { type Also, type Bench, type Benchmark, median } from "../benchmark.ts";
import { type Chain, startHeavyChain } from "../support/chains.ts";
import { database, startClickHouse } from "../support/clickhouse.ts";
import { CpuShares } from "../support/cpu-shares.ts";
import { hasGeth, startHeavyGeth } from "../support/geth-chain.ts";
import { startTaskRunner } from "../support/programs.ts";

const cpuTarget = 1.5;
/** The two ways to trace, each with what fetching alone can do at best. */
const ways = {
  withStacks: { stored: processors, inFlight: 1, target: 0.9 },
  // The lean form is what is asked for where nobody wants memory columns.
  withoutStacks: { stored: ["structlog", "transaction"], inFlight: 4, target: 0.4 },
} as const satisfies Record<string, Way>;

type Way = {
  readonly stored: readonly Processor[];
  /** Blocks at a time of the fetching that ours is compared with. */
  readonly inFlight: number;
  readonly target: number;
};

/** A real node, blocks of 50 transactions. */
export const backfill: Benchmark = {
  name: "backfill",
  about:
    "blocks/s of the block job, stacks on, over blocks/s of fetching the same answers to nowhere, one trace in flight",
  unit: "blocks/s",
  target: ways.withStacks.target,
  lowerIsBetter: false,
  async measure(bench) {
    const blocks = bench.isQuick ? 8 : 60;
    // anvil takes a second for a block of 25,000 steps with stacks: a few of them tell as much as many.
    const onAnvil = await measureOn(bench, "anvil", await startHeavyChain(bench.isQuick ? 8 : 16));
    const onGeth =
      bench.isQuick || !hasGeth
        ? null
        : await measureOn(bench, "geth", await startHeavyGeth(bench, blocks));
    const { withStacks, withoutStacks } = onGeth ?? onAnvil;
    return {
      ratio: Math.min(onAnvil.withStacks.ratio, withStacks.ratio),
      values: withStacks.values,
      also: [
        {
          name: "without stacks, over fetching the lean traces to nowhere, four in flight",
          value: Math.min(onAnvil.withoutStacks.ratio, withoutStacks.ratio),
          target: ways.withoutStacks.target,
          lowerIsBetter: false,
        },
        ...cpuOf(withoutStacks, "structlog and transaction, without stacks"),
        ...cpuOf(withStacks, "three tables, with stacks"),
      ],
      detail: { node: onGeth ? "geth" : "anvil", anvil: onAnvil, geth: onGeth },
    };
  },
};

function cpuOf({ cpuSecondsPerMillionRows }: WayMeasured, what: string): Also[] {
  const shares = { worker: "our process", clickhouse: "ClickHouse" } as const;
  return (["worker", "clickhouse"] as const).map((share) => ({
    name: `CPU seconds of ${shares[share]} per million structlog rows, ${what}`,
    value: cpuSecondsPerMillionRows[share] ?? Number.NaN,
    target: cpuTarget,
    lowerIsBetter: true,
  }));
}

async function measureOn(bench: Bench, name: string, chain: Chain) {
  bench.stops.add(chain.stop);
  const withStacks = await measureWay(bench, `${name}, stacks`, chain, ways.withStacks);
  const withoutStacks = await measureWay(bench, `${name}, no stacks`, chain, ways.withoutStacks);
  await chain.stop();
  return { withStacks, withoutStacks };
}

type WayMeasured = Awaited<ReturnType<typeof measureWay>>;

async function measureWay(bench: Bench, name: string, chain: Chain, way: Way) {
  const clickhouse = await startClickHouse(bench, name.replace(/\W+/g, "-"));
  const setting = {
    rpcUrl: chain.url,
    clickhouseUrl: clickhouse.url,
    database,
    network: "bench",
    processors: way.stored,
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
    const fetched = await fetcher.run({ kind: "fetch", ...range, inFlight: way.inFlight });
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
  await Promise.all([own.stop(), fetcher.stop(), clickhouse.stop()]);
  return {
    ratio: median(ours.map((speed, run) => speed / (nowhere[run] ?? Number.NaN))),
    values: ours,
    rows,
    rowsPerSecond: (median(ours) * rows) / (toBlock - fromBlock + 1),
    blocksPerSecondToNowhere: median(nowhere),
    cpuSecondsPerMillionRows: shares.medians(),
  };
}
