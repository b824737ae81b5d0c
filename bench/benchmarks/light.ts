import { processors } from "../../src/domain/processor.ts";
import { type Benchmark, median } from "../benchmark.ts";
import { startLightChain } from "../support/chains.ts";
import { database, startClickHouse } from "../support/clickhouse.ts";
import { readCpuSeconds } from "../support/machine.ts";
import { startNode, startTaskRunner } from "../support/programs.ts";
import { recordedChain } from "../support/recorded-chain.ts";

const wantedBlocksPerSecond = 300;

/** Light blocks: what counts is what a block costs, not a row. */
export const light: Benchmark = {
  name: "light",
  about: `blocks/s of 0 to 3 transactions through the block job, over ${wantedBlocksPerSecond}`,
  unit: "blocks/s",
  target: 1,
  lowerIsBetter: false,
  async measure(bench) {
    const blocks = bench.isQuick ? 1000 : 10_000;
    const { folder, head } = await recordedChain(`light-${blocks}`, () => startLightChain(blocks));
    const node = await startNode(bench, "served-node", [folder]);
    const clickhouse = await startClickHouse(bench);
    const runner = startTaskRunner(bench, {
      rpcUrl: node.url,
      clickhouseUrl: clickhouse.url,
      database,
      network: "light",
      processors,
    });
    const range = { fromBlock: head - blocks + 1, toBlock: head };
    const ours: number[] = [];
    const baseline: number[] = [];
    const cpu = { worker: [0], node: [0], clickhouse: [0] };
    await runner.run({ kind: "index", ...range, toBlock: range.fromBlock + 299 });
    for (let run = 0; run < bench.runs; run += 1) {
      const fetched = await runner.run({ kind: "fetch", ...range });
      baseline.push(fetched.blocks / fetched.seconds);
      const before = [await readCpuSeconds(node.process.pid), await readCpuSeconds(clickhouse.pid)];
      const done = await runner.run({ kind: "index", ...range });
      const after = [await readCpuSeconds(node.process.pid), await readCpuSeconds(clickhouse.pid)];
      ours.push(done.blocks / done.seconds);
      cpu.worker[run] = (done.cpuSeconds * 1000) / done.blocks;
      cpu.node[run] = (((after[0] ?? 0) - (before[0] ?? 0)) * 1000) / done.blocks;
      cpu.clickhouse[run] = (((after[1] ?? 0) - (before[1] ?? 0)) * 1000) / done.blocks;
      bench.say(
        `run ${run + 1}: ${Math.round(ours.at(-1) ?? 0)} blocks/s, one call at a time to nowhere ${Math.round(baseline.at(-1) ?? 0)}`,
      );
    }
    return {
      ratio: median(ours) / wantedBlocksPerSecond,
      values: ours,
      detail: {
        blocks,
        fetchOneAtATimeToNowhere: median(baseline),
        cpuMsPerBlock: {
          worker: median(cpu.worker),
          servedNode: median(cpu.node),
          clickhouse: median(cpu.clickhouse),
        },
      },
    };
  },
};
