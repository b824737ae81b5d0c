import { setTimeout as sleep } from "node:timers/promises";
import { createClickHouse } from "../../src/clickhouse/client.ts";
import { startBackfill, startFollow } from "../../src/client/jobs.ts";
import { prepareChain } from "../../src/dev/demo-chain/demo-chain.ts";
import { startDemoAnvil } from "../../src/dev/demo-chain/start-demo-anvil.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { processors } from "../../src/domain/processor.ts";
import { type Benchmark, percentile } from "../benchmark.ts";
import { database } from "../support/clickhouse.ts";
import { startWorkerStack } from "../support/worker-stack.ts";

const limitMs = 1000;
const blockTimeMs = 1000;
const pollMs = 20;
/** A block that is not visible after so long is counted with this. */
const patienceMs = 30_000;
/** Blocks that pass while the follower starts. */
const warmUpBlocks = 5;

/** How far the views are behind a chain that mines a block a second, while a backfill takes all it can get. */
export const head: Benchmark = {
  name: "head",
  about: `p95 of ms from a block mined to its rows in the view, 1 s blocks, 2 backfill traces in flight, over ${limitMs}`,
  unit: "ms",
  target: 1,
  lowerIsBetter: true,
  async measure(bench) {
    const wanted = bench.isQuick ? 15 : 60;
    const anvil = await startDemoAnvil({ dataDir: bench.folder });
    bench.stops.add(anvil.stop);
    const chain = await prepareChain({
      rpcUrl: anvil.url,
      seed: 7,
      targetSteps: bench.isQuick ? 300_000 : 1_000_000,
    });
    const stack = await startWorkerStack(bench, anvil.url);
    const clickhouse = createClickHouse({ url: stack.clickhouse.url, database });
    bench.stops.add(() => clickhouse.close());
    const { network } = stack;
    await startFollow(stack.client, { network, processors, startBlock: chain.blocks + 1 });

    const saturation = { isOn: true };
    let backfilledRows = 0;
    let running = "";
    const saturate = async () => {
      for (let round = 0; saturation.isOn; round += 1) {
        const range = { fromBlock: 0, toBlock: chain.blocks };
        const wish = { network, processors, range, concurrency: 2, force: true, actor: "bench" };
        const { workflowId } = await startBackfill(stack.client, wish);
        running = workflowId;
        const done = await stack.client.workflow.getHandle(workflowId).result();
        backfilledRows += done.rows;
      }
    };
    const waitForRows = async (blockNumber: number, minedAt: number) => {
      for (;;) {
        const [row] = await clickhouse.query<{ rows: string }>(
          `SELECT count() AS rows FROM canonical_execution_transaction_structlog
           WHERE meta_network_name = {network:String} AND block_number = {blockNumber:UInt64}`,
          { parameters: { network, blockNumber } },
        );
        const waitedMs = Date.now() - minedAt;
        if (Number(row?.rows ?? 0) > 0 || waitedMs > patienceMs) return waitedMs;
        await sleep(pollMs);
      }
    };
    const saturating = saturate();
    saturating.catch((error: unknown) => {
      if (saturation.isOn) bench.say(`backfill: ${String(error)}`);
    });
    const waits: Promise<number>[] = [];
    let mined = 0;
    const traffic = chain.startTraffic({
      blockTimeMs,
      onBlock: (blockNumber) => {
        const minedAt = Date.now();
        mined += 1;
        if (mined <= warmUpBlocks) return;
        waits.push(
          hasSteps(anvil.url, blockNumber).then((has) =>
            has ? waitForRows(blockNumber, minedAt) : Number.NaN,
          ),
        );
      },
    });
    const startedAt = Date.now();
    while (waits.length < wanted) await sleep(blockTimeMs / 2);
    await traffic.stop();
    const values = (await Promise.all(waits)).filter((wait) => !Number.isNaN(wait));
    const seconds = (Date.now() - startedAt) / 1000;
    saturation.isOn = false;
    await stack.client.workflow.getHandle(running).terminate("measured");
    await saturating.catch(() => {});
    const notes = await stack.notesSince(startedAt);
    return {
      ratio: percentile(values, 0.95) / limitMs,
      values,
      detail: {
        p50: percentile(values, 0.5),
        p95: percentile(values, 0.95),
        backfilledRowsWhileMeasured: backfilledRows,
        seconds,
        longestEventLoopBlockMs: Math.max(...notes.map(({ blockMs }) => blockMs)),
      },
    };
  },
};

/** Whether a transaction of the block costs more than a transfer. */
async function hasSteps(url: string, blockNumber: number): Promise<boolean> {
  const receipts = await callNode(url, "eth_getBlockReceipts", [`0x${blockNumber.toString(16)}`]);
  return (
    Array.isArray(receipts) &&
    receipts.some((receipt: { gasUsed: string; to: string | null }) => {
      return receipt.to !== null && Number(receipt.gasUsed) > 25_000;
    })
  );
}
