import { type CoverageReport, readCoverage } from "../../client/coverage.ts";
import { targetOf } from "../../client/job-target.ts";
import { formatCount } from "../../client/views/format.ts";
import { type BackfillEnd, watchBackfill } from "../../client/watch-backfill.ts";
import type { BlockRange } from "../../domain/block-range.ts";
import { workflowIds } from "../../workflows/messages.ts";
import {
  chooseFaults,
  requeueBySignal,
  startDemoBackfill,
  startEndlessJobs,
  stopFollow,
  waitUntilFailed,
  waitUntilProven,
  waitUntilRecovered,
} from "./stages.ts";
import type { DemoWorld } from "./world.ts";

/** What the story showed, for the closing table. */
export type StoryResult = {
  readonly head: number;
  readonly coverage: CoverageReport;
  readonly failedAndRecovered: number;
  readonly workerKills: number;
  readonly requeued: number;
};

type Say = (line: string) => void;

/** The jobs start, two blocks are going to fail, the backfill begins. Returns when the backfill has ended. */
export async function beginStory(world: DemoWorld, range: BlockRange, say: Say) {
  await startEndlessJobs(world);
  const traffic = world.startTraffic();
  const follow = world.isResumed ? "goes on" : `starts at block ${range.toBlock + 1}`;
  say(`follow ${follow}, gap-fill watches; the chain mines a block a second`);
  const faults = chooseFaults(range);
  world.proxy.failBlock(faults.short, "short");
  world.proxy.failBlock(faults.refused, "refused");
  await startDemoBackfill(world, range);
  say(`backfill of blocks 0-${formatCount(range.toBlock)} starts`);
  const backfill = watchBackfill(world.client, backfillTarget(world, range), () => {});
  backfill.catch(() => {}); // told to whoever awaits it
  return { traffic, backfill, faulty: [faults.short, faults.refused] };
}

/** The whole story, from the first block to the proof. @throws {Error} As soon as something is not as it should be. */
export async function tellStory(
  world: DemoWorld,
  range: BlockRange,
  say: Say,
): Promise<StoryResult> {
  const { traffic, backfill, faulty } = await beginStory(world, range, say);
  await waitUntilFailed(world, faulty);
  say(
    `the node lied about block ${faulty[0]} (a short trace) and refused ${faulty[1]}: both are booked as failed`,
  );

  await waitUntilProven(world, range, 40);
  say("SIGKILL to the worker, in the middle of the backfill");
  await world.stack.worker.kill();
  say(describeEnd(await backfill));

  await waitUntilRecovered(world, faulty);
  say(`gap-fill recovered blocks ${faulty.join(" and ")}`);

  const requeued = { fromBlock: 10, toBlock: 19 };
  const count = await requeueBySignal(world, requeued);
  say(`the signal requeueBlocks had blocks 10-19 traced again`);

  const { head } = await traffic.stop();
  await stopFollow(world, head);
  say(`follow indexed the head, block ${formatCount(head)}, and was stopped`);

  const { ledger, network, processors } = world;
  const coverage = await readCoverage(ledger, {
    network,
    processors,
    fromBlock: 0,
    toBlock: head,
    verify: true,
  });
  say("coverage recounted every row");
  return {
    head,
    coverage,
    failedAndRecovered: faulty.length,
    workerKills: world.stack.worker.deaths,
    requeued: count,
  };
}

function backfillTarget({ network }: DemoWorld, range: BlockRange) {
  const workflowId = workflowIds.backfill(network, range);
  return targetOf({ workflowId, kind: "backfill", network, range });
}

function describeEnd({ state, result }: BackfillEnd): string {
  if (result === null) throw new Error(`the backfill ended ${state}`);
  return `the backfill resumed and is done: ${formatCount(result.blocks)} blocks, ${formatCount(result.rows)} rows`;
}
