import { type Client, WithStartWorkflowOperation } from "@temporalio/client";
import type { Workflow } from "@temporalio/common";
import type { BlockRange } from "../domain/block-range.ts";
import type { HeadPolicy } from "../domain/chain.ts";
import type { Processor } from "../domain/processor.ts";
import { OverlappingBackfillError } from "../errors.ts";
import { jobAttributes } from "../temporal/search-attributes.ts";
import type { BackfillInput } from "../workflows/backfill-shapes.ts";
import type { FollowInput } from "../workflows/follow-shapes.ts";
import type { GapFillInput } from "../workflows/gap-fill-shapes.ts";
import {
  messageNames,
  priorityKeys,
  type ReleaseRequest,
  type RequeueAnswer,
  type RequeueRequest,
  workflowIds,
} from "../workflows/messages.ts";
import { formatBlockRange } from "./block-text.ts";
import { listOpenJobs } from "./open-jobs.ts";
import { type JobToStart, type StartedJob, startJob, startOptions } from "./start-job.ts";
import { callTemporal } from "./temporal-call.ts";
import { formatCount } from "./views/format.ts";

export type { StartedJob } from "./start-job.ts";

/** What a job works on. */
type JobScope = { readonly network: string; readonly processors: readonly Processor[] };

/** Commands that start each job, as errors and hints name them. */
export const startCommands = {
  follow: (network: string) => `npm run client -- follow start --network ${network}`,
  backfill: (network: string, range: BlockRange) =>
    `npm run client -- backfill ${range.fromBlock}-${range.toBlock} --network ${network}`,
  gapFill: (network: string) => `npm run client -- gap-fill start --network ${network}`,
} as const;

/** Chunks in flight where nobody says: one traces while the other proves and stores. */
export const defaultConcurrency = 2;
/**
 * Wanted seconds of a chunk: few Temporal events a row, and little lost with a worker. A chunk costs 6 events, and
 * with 20 s a job of minutes had more than one event per 3 s of tracing (docs/performance.md).
 */
const chunkSeconds = 25;
/** Milliseconds between two looks for gaps, and blocks in one batch, where nobody says. */
export const gapFillDefaults = { scanIntervalMs: 15_000, batchBlocks: 64 } as const;

/**
 * Follows the head of a network. Idempotent.
 * @param wanted.headPolicy - Absent: the network's own.
 * @param wanted.startBlock - Absent: after the highest indexed block.
 * @throws {JobInputDiffersError}
 */
export function startFollow(
  client: Client,
  wanted: JobScope & { readonly headPolicy?: HeadPolicy; readonly startBlock?: number },
): Promise<StartedJob> {
  const { network, processors, headPolicy, startBlock } = wanted;
  const input: FollowInput = {
    v: 1,
    network,
    processors,
    headPolicy: headPolicy ?? null,
    startBlock: startBlock ?? null,
  };
  const job: JobToStart = {
    workflowType: "followWorkflow",
    workflowId: workflowIds.follow(network),
    startCommand: startCommands.follow(network),
    input,
    priority: { priorityKey: priorityKeys.head },
    summary: `follow the head of ${network}`,
    details: describeJob(
      `Indexes every new block of **${network}** and repairs reorgs.`,
      processors,
    ),
    attributes: jobAttributes({ network, kind: "follow" }),
  };
  return startJob(client, job, { processors, ...asked({ headPolicy, startBlock }) });
}

export type WantedBackfill = JobScope & {
  readonly range: BlockRange;
  readonly order?: BackfillInput["order"];
  readonly concurrency?: number;
  readonly force?: boolean;
  readonly reason?: string;
  readonly actor: string;
};

/**
 * Backfills a closed range. Idempotent.
 * @throws {OverlappingBackfillError} when another backfill of the network has blocks of the range in hand.
 * @throws {JobInputDiffersError}
 */
export async function startBackfill(client: Client, wanted: WantedBackfill): Promise<StartedJob> {
  const job = backfillJob(wanted);
  await refuseOverlap(client, wanted, job);
  const { processors, order = "oldest-first", force = false, concurrency } = wanted;
  return startJob(client, job, { processors, order, force, ...asked({ concurrency }) });
}

/**
 * Indexes one block now, again if it is complete: a backfill of one block that goes before all other bulk work.
 * It may overlap a running backfill (design, section 5: harmless).
 */
export function startIndex(
  client: Client,
  wanted: JobScope & { readonly blockNumber: number; readonly actor: string },
): Promise<StartedJob> {
  const { blockNumber, ...rest } = wanted;
  const range = { fromBlock: blockNumber, toBlock: blockNumber };
  const job = backfillJob({ ...rest, range, force: true, concurrency: 1, reason: "index" });
  return startJob(client, { ...job, priority: { priorityKey: priorityKeys.requeue } }, {});
}

function backfillJob(wanted: WantedBackfill): JobToStart {
  const { network, processors, range, force = false, reason = "", actor } = wanted;
  const input: BackfillInput = {
    v: 1,
    network,
    processors,
    ...range,
    order: wanted.order ?? "oldest-first",
    concurrency: wanted.concurrency ?? defaultConcurrency,
    force,
    chunkSeconds,
    reason,
    actor,
  };
  const blocks = `${formatCount(range.fromBlock)}-${formatCount(range.toBlock)}`;
  return {
    workflowType: "backfillWorkflow",
    workflowId: workflowIds.backfill(network, range),
    startCommand: startCommands.backfill(network, range),
    input,
    priority: { priorityKey: priorityKeys.backfill },
    summary: `backfill ${network} ${blocks}`,
    details: describeJob(
      `Indexes blocks **${blocks}** of **${network}**, ${input.order}${force ? ", again where complete" : ""}.`,
      processors,
    ),
    attributes: jobAttributes({ network, kind: "backfill", ...range }),
  };
}

async function refuseOverlap(
  client: Client,
  { network, range }: WantedBackfill,
  job: JobToStart,
): Promise<void> {
  const open = await listOpenJobs(client, { network, kind: "backfill" });
  const other = open.find(
    ({ workflowId, range: taken }) =>
      workflowId !== job.workflowId &&
      taken !== null &&
      taken.fromBlock <= range.toBlock &&
      range.fromBlock <= taken.toBlock,
  );
  if (other) {
    const wanted = formatBlockRange(range);
    throw new OverlappingBackfillError({ wanted, running: other.workflowId });
  }
}

export type WantedGapFill = JobScope & {
  readonly scanIntervalMs?: number;
  readonly batchBlocks?: number;
};

/**
 * Finds and fills the gaps of a network for as long as it runs. Idempotent.
 * @throws {JobInputDiffersError}
 */
export function startGapFill(client: Client, wanted: WantedGapFill): Promise<StartedJob> {
  const { processors, scanIntervalMs, batchBlocks } = wanted;
  return startJob(client, gapFillJob(wanted), {
    processors,
    ...asked({ scanIntervalMs, batchBlocks }),
  });
}

function gapFillJob(wanted: WantedGapFill): JobToStart {
  const { network, processors } = wanted;
  const input: GapFillInput = {
    v: 1,
    network,
    processors,
    scanIntervalMs: wanted.scanIntervalMs ?? gapFillDefaults.scanIntervalMs,
    batchBlocks: wanted.batchBlocks ?? gapFillDefaults.batchBlocks,
  };
  return {
    workflowType: "gapFillWorkflow",
    workflowId: workflowIds.gapFill(network),
    startCommand: startCommands.gapFill(network),
    input,
    priority: { priorityKey: priorityKeys.gapFill },
    summary: `fill the gaps of ${network}`,
    details: describeJob(
      `Finds missing and failed blocks of **${network}** and indexes them; takes requeues.`,
      processors,
    ),
    attributes: jobAttributes({ network, kind: "gap-fill" }),
  };
}

/**
 * Hands blocks to gap-fill to be traced again, and starts it if none runs. Idempotent: blocks that wait already stay
 * where they are, and the answer says so.
 * @throws {RequestRefusedError} @throws {NoWorkerError}
 */
export async function requeue(
  client: Client,
  gapFill: WantedGapFill,
  request: RequeueRequest,
): Promise<RequeueAnswer> {
  const job = gapFillJob(gapFill);
  return callTemporal(client, job, () =>
    client.workflow.executeUpdateWithStart<Workflow, RequeueAnswer, [RequeueRequest]>(
      messageNames.requeueBlocks,
      {
        args: [request],
        startWorkflowOperation: new WithStartWorkflowOperation(job.workflowType, {
          ...startOptions(job),
          workflowIdConflictPolicy: "USE_EXISTING",
        }),
      },
    ),
  );
}

/** Frees quarantined blocks: a signal to gap-fill, which is started if none runs. Safe to repeat. */
export async function release(
  client: Client,
  gapFill: WantedGapFill,
  request: ReleaseRequest,
): Promise<{ workflowId: string }> {
  const job = gapFillJob(gapFill);
  const { workflowId } = await callTemporal(client, job, () =>
    client.workflow.signalWithStart<Workflow, [ReleaseRequest]>(job.workflowType, {
      ...startOptions(job),
      signal: messageNames.releaseBlocks,
      signalArgs: [request],
    }),
  );
  return { workflowId };
}

function describeJob(what: string, processors: readonly Processor[]): string {
  return `${what}\n\nProcessors: ${processors.join(", ")}`;
}

/** The settings that somebody gave. */
function asked(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
