import { startBackfill } from "../../src/client/jobs.ts";
import type { BlockRange } from "../../src/domain/block-range.ts";
import { processors } from "../../src/domain/processor.ts";
import { type Bench, type Benchmark, median } from "../benchmark.ts";
import { startHeavyChain, startLightChain } from "../support/chains.ts";
import { readJobHistory } from "../support/job-history.ts";
import { startNode } from "../support/programs.ts";
import { recordedChain } from "../support/recorded-chain.ts";
import { startWorkerStack, type WorkerStack } from "../support/worker-stack.ts";

const eventsPerBlock = 0.01;
const secondsPerEvent = 3;
/** A node's pace on heavy blocks, milliseconds a block: then the job lasts for minutes, as jobs do. */
const heavyBlockMs = 9000;

/** What a backfill of light blocks costs Temporal: its history, event by event. */
export const events: Benchmark = {
  name: "events",
  about: `Temporal history events per block of a backfill of light blocks, over ${eventsPerBlock}`,
  unit: "events/block",
  target: 1,
  lowerIsBetter: true,
  async measure(bench) {
    const blocks = bench.isQuick ? 1000 : 10_000;
    const chain = await recordedChain(`light-${blocks}`, () => startLightChain(blocks));
    // Events do not scatter as seconds do: a few runs tell as much as many.
    const light = await onChain(bench, { ...chain, blocks, runs: Math.min(2, bench.runs) });
    const perBlock = light.map((run) => run.events / run.blocks);
    return { ratio: median(perBlock) / eventsPerBlock, values: perBlock, detail: { light } };
  },
};

/** The same of heavy blocks, over a job of minutes. */
export const eventsOfHeavyBlocks: Benchmark = {
  name: "events-heavy",
  about: `Temporal history events per ${secondsPerEvent} s of tracing of a backfill of heavy blocks, beyond those of a job of one block`,
  unit: "events",
  target: 1,
  lowerIsBetter: true,
  async measure(bench) {
    const blocks = bench.isQuick ? 8 : 60;
    const chain = await recordedChain(`heavy-${blocks}`, () => startHeavyChain(blocks));
    const heavy = await onChain(bench, { ...chain, blocks, blockMs: heavyBlockMs, runs: 1 });
    // A job of one block costs its start and its end; what is left grows with the tracing.
    const perTracing = heavy.map(
      (run) => (run.events - run.eventsOfOneBlock) / (run.tracingSeconds / secondsPerEvent),
    );
    return { ratio: median(perTracing), values: perTracing, detail: { heavy } };
  },
};

type JobCost = {
  readonly blocks: number;
  readonly events: number;
  readonly eventsByType: Readonly<Record<string, number>>;
  readonly eventsOfOneBlock: number;
  readonly seconds: number;
  /** Seconds of all chunks, of which several run side by side. */
  readonly tracingSeconds: number;
  readonly chunkSeconds: readonly number[];
  readonly blocksPerSecond: number;
  readonly rowsPerSecond: number;
};

type ServedChain = {
  readonly folder: string;
  readonly head: number;
  /** How many at the head are indexed. */
  readonly blocks: number;
  /** Milliseconds that a block's trace takes at least. */
  readonly blockMs?: number;
  readonly runs: number;
};

async function onChain(
  bench: Bench,
  { folder, head, blocks, blockMs = 0, runs }: ServedChain,
): Promise<JobCost[]> {
  const node = await startNode(bench, "served-node", [folder, String(blockMs)]);
  const stack = await startWorkerStack(bench, node.url);
  const range = { fromBlock: head - blocks + 1, toBlock: head };
  const one = await runJob(stack, { fromBlock: range.fromBlock, toBlock: range.fromBlock });
  const costs: JobCost[] = [];
  for (let run = 0; run < runs; run += 1) {
    const job = await runJob(stack, range);
    costs.push({ ...job, eventsOfOneBlock: one.events });
    bench.say(
      `${blocks} blocks: ${job.events} events, ${Math.round(job.seconds)} s, ${Math.round(job.blocksPerSecond)} blocks/s, ${Math.round(job.rowsPerSecond)} rows/s`,
    );
  }
  await stack.stop();
  return costs;
}

async function runJob(
  { client, network }: WorkerStack,
  range: BlockRange,
): Promise<Omit<JobCost, "eventsOfOneBlock">> {
  const startedAt = performance.now();
  const { workflowId } = await startBackfill(client, {
    network,
    processors,
    range,
    force: true,
    actor: "bench",
  });
  const handle = client.workflow.getHandle(workflowId);
  const done = await handle.result();
  const seconds = (performance.now() - startedAt) / 1000;
  if (done.failed > 0) throw new Error(`${done.failed} blocks failed`);
  const blocks = range.toBlock - range.fromBlock + 1;
  return {
    blocks,
    ...(await readJobHistory(handle)),
    seconds,
    blocksPerSecond: blocks / seconds,
    rowsPerSecond: done.rows / seconds,
  };
}
