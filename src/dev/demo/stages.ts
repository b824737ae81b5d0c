import { describeJob, readPending } from "../../client/job-status.ts";
import { targetOf } from "../../client/job-target.ts";
import { startBackfill, startFollow, startGapFill } from "../../client/jobs.ts";
import { prepareRequeueWatch } from "../../client/requeue-watch.ts";
import { stopJob } from "../../client/steer-job.ts";
import type { BlockRange } from "../../domain/block-range.ts";
import { messageNames, type RequeueRequest, workflowIds } from "../../workflows/messages.ts";
import { waitUntil } from "../wait-until.ts";
import type { DemoWorld } from "./world.ts";

// One function a stage of the story; each returns when what it shows has really happened.

const actor = "demo";
const patienceMs = 120_000;

/** Gap-fill and follow: the jobs that never end. On a chain that stood here before, follow goes on where it was. */
export async function startEndlessJobs(world: DemoWorld): Promise<void> {
  const { client, network, processors, chain, isResumed } = world;
  await startGapFill(client, { network, processors, scanIntervalMs: 1000 });
  const start = isResumed ? {} : { startBlock: chain.blocks + 1 };
  await startFollow(client, { network, processors, ...start });
}

/** The blocks that will fail, and how; both hold code, so that there is something to trace. */
export function chooseFaults({ toBlock }: BlockRange): { short: number; refused: number } {
  // Of twelve blocks one is empty and one has plain transfers; the third and the fourth have code.
  const twelfth = Math.floor(toBlock / 8 / 12) * 12;
  return { short: twelfth + 2, refused: twelfth + 3 };
}

export async function startDemoBackfill(world: DemoWorld, range: BlockRange): Promise<void> {
  const { client, network, processors } = world;
  await startBackfill(client, { network, processors, range, reason: "the demo", actor });
}

/** Waits until the ledger holds a failed attempt of each block. */
export async function waitUntilFailed({ ledger, network }: DemoWorld, blocks: readonly number[]) {
  for (const block of blocks) {
    await waitUntil(
      async () => (await ledger.history(network, block)).some(({ status }) => status === "failed"),
      { what: `block ${block} to be booked as failed`, timeoutMs: patienceMs, everyMs: 200 },
    );
  }
}

/** Waits until so many percent of a range are proven. */
export async function waitUntilProven(world: DemoWorld, range: BlockRange, percent: number) {
  const { ledger, network } = world;
  const wanted = ((range.toBlock - range.fromBlock + 1) * percent) / 100;
  await waitUntil(
    async () => {
      const coverage = await ledger.coverage({
        network,
        processor: "structlog",
        window: range,
        verify: false,
      });
      return coverage.blocks.proven >= wanted;
    },
    { what: `${percent} % of the backfill`, timeoutMs: 5 * patienceMs, everyMs: 200 },
  );
}

/** Waits until gap-fill has made failed blocks complete, for every processor. */
export async function waitUntilRecovered(
  { ledger, network, processors }: DemoWorld,
  blocks: readonly number[],
): Promise<void> {
  const wanted = blocks.length * processors.length;
  await waitUntil(
    async () => {
      const rows = await ledger.readBlocks(network, processors, blocks);
      return rows.filter(({ status }) => status === "complete").length === wanted;
    },
    { what: "gap-fill to recover the failed blocks", timeoutMs: patienceMs, everyMs: 200 },
  );
}

/** Sends a signal as the Temporal UI or the `temporal` CLI would, and waits until the blocks were traced again. */
export async function requeueBySignal(world: DemoWorld, range: BlockRange): Promise<number> {
  const { client, network, ledger, processors } = world;
  const watch = await prepareRequeueWatch(ledger, { network, processors }, [range]);
  const request: RequeueRequest = {
    blocks: [range.fromBlock, `${range.fromBlock + 1}-${range.toBlock}`],
    reason: "the demo asks for them again",
  };
  await client.workflow
    .getHandle(workflowIds.gapFill(network))
    .signal(messageNames.requeueBlocks, request);
  const blocks = await watch(async () => {});
  return blocks.filter(({ attempts }) =>
    processors.every((processor) => attempts[processor] === "complete"),
  ).length;
}

/** Lets follow reach the last block, by its own word, then cancels it: it drains and ends by itself. */
export async function stopFollow({ client, network }: DemoWorld, head: number): Promise<void> {
  const workflowId = workflowIds.follow(network);
  const target = targetOf({ workflowId, kind: "follow", network, range: null });
  await waitUntil(
    async () =>
      readPending(await describeJob(client, target)).some(
        ({ heartbeat }) => heartbeat !== null && heartbeat.nextBlock > head,
      ),
    { what: `follow to index block ${head}`, timeoutMs: patienceMs, everyMs: 200 },
  );
  const { ended } = await stopJob(client, target);
  if (!ended) throw new Error("follow did not end within 15 s of its cancellation");
}
