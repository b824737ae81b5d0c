import { setMaxListeners } from "node:events";
import { Context, log } from "@temporalio/activity";
import { resumeFrom } from "../../domain/checkpoint.ts";
import { NodeUnavailableError } from "../../errors.ts";
import type {
  IndexBlocksHeartbeat,
  IndexBlocksInput,
  IndexBlocksResult,
} from "../../workflows/index-activities.ts";
import type { Dependencies } from "../ports.ts";
import { untilAborted } from "./abortable.ts";
import { waitingTextOf } from "./block-fault.ts";
import { CallNodes } from "./call-nodes.ts";
import { checkBorders } from "./check-border.ts";
import { Finality } from "./finality.ts";
import { followHead } from "./follow-head.ts";
import { Heart } from "./heart.ts";
import { RangeIndexer } from "./index-range.ts";
import { LedgerView } from "./ledger-view.ts";
import { mendLeftBehindOf } from "./left-behind.ts";
import { onlyNode } from "./on-nodes.ts";
import { Progress } from "./progress.ts";
import { RowPipe } from "./row-pipe.ts";
import type { Run } from "./run.ts";
import { lastBlockOf } from "./stop-at-head.ts";
import { sweepFinality } from "./sweep-finality.ts";
import type { TraceEngine } from "./trace-engine.ts";

/**
 * Takes blocks from the node to canonical rows (design, section 4). Idempotent: complete blocks are skipped, and rows
 * count only once the ledger names their attempt. It resumes from its heartbeat; faults of a block are booked to it,
 * anything else is thrown and nothing is booked. Cancelled on request it returns what it has done.
 */
export function createIndexBlocks(dependencies: Dependencies, engine: TraceEngine) {
  return async function indexBlocks(input: IndexBlocksInput): Promise<IndexBlocksResult> {
    const context = Context.current();
    // Every call that is in flight listens to it, and blocks fetched ahead have several each.
    setMaxListeners(0, context.cancellationSignal);
    const before = readHeartbeat(context.info.heartbeatDetails);
    const nextBlock = before ? resumeBlock(input, before) : input.fromBlock;
    const progress = new Progress(before?.done);
    const heart = new Heart(context, {
      v: 1,
      nextBlock,
      done: progress.done(),
      inHand: null,
      waitingFor: null,
    });
    const start = { dependencies, engine, input, before, heart, progress };
    let nodes: CallNodes | undefined;
    const toResult = (upTo: number): IndexBlocksResult => {
      const heard = nodes?.report();
      return { nextBlock: upTo, ...progress.done(), ...(heard && { nodes: heard }) };
    };
    try {
      // A cancellation ends the attempt at once, also where a store or a node hangs and does not listen.
      const work = startRun(start).then((run) => {
        nodes = run.nodes;
        return indexFrom(run, nextBlock);
      });
      const result = toResult(await untilAborted(work, context.cancellationSignal));
      logChunk(input, result);
      return result;
    } catch (error) {
      // What was committed before somebody stopped the job stays the job's; a worker that stops hands its place over.
      if (isStopRequested(context)) return toResult(heart.nextBlock);
      const restMs = restToTell(nodes, error);
      if (restMs !== null) return { ...toResult(heart.nextBlock), restMs };
      heart.tellNodes(nodes?.report());
      heart.waitFor(waitingTextOf(error));
      throw error;
    } finally {
      heart.stop();
    }
  };
}

function isStopRequested(context: Context): boolean {
  return (
    context.cancellationSignal.aborted && context.cancellationDetails?.cancelRequested === true
  );
}

/** Milliseconds for which every node wants to be left alone, where that is why the call ended and its workflow waits. */
function restToTell(nodes: CallNodes | undefined, error: unknown): number | null {
  if (!(error instanceof NodeUnavailableError) || !nodes?.isHeededByWorkflow) return null;
  const restMs = nodes.restMs();
  return restMs === null ? null : Math.ceil(restMs);
}

async function indexFrom(run: Run, nextBlock: number): Promise<number> {
  const { toBlock } = run.input;
  if (toBlock === null) return followHead(run, nextBlock);
  await sweepFinality(run);
  await mendLeftBehindOf(run, toBlock);
  const lastBlock = await lastBlockOf(run, toBlock);
  const { fromBlock } = run.input;
  if (lastBlock < fromBlock) return nextBlock;
  if (nextBlock <= lastBlock) await new RangeIndexer(run).index(nextBlock, lastBlock);
  // Also where an attempt before wrote all of it: it may have ended between that and this.
  await checkBorders(run, fromBlock, lastBlock);
  return Math.max(nextBlock, lastBlock + 1);
}

type Start = {
  readonly dependencies: Dependencies;
  readonly engine: TraceEngine;
  readonly input: IndexBlocksInput;
  readonly before: IndexBlocksHeartbeat | undefined;
  readonly heart: Heart;
  readonly progress: Progress;
};

async function startRun(start: Start): Promise<Run> {
  const { dependencies, engine, input, before, heart, progress } = start;
  const { info, cancellationSignal: signal } = Context.current();
  const network = await dependencies.network(input.network);
  return {
    dependencies,
    network,
    nodes: new CallNodes(network.nodes ?? onlyNode(network.node), {
      budgets: input.traceBudgets,
      earlier: before?.nodes ?? [],
    }),
    input,
    processors: input.processors,
    clientVersion: await network.node.clientVersion(),
    origin: {
      workflowId: info.workflowExecution?.workflowId ?? "",
      runId: info.workflowExecution?.runId ?? "",
      reason: input.reason,
      actor: input.actor,
    },
    activityAttempt: info.attempt,
    signal,
    heart,
    progress,
    view: new LedgerView(dependencies.ledger, network.name, signal),
    finality: new Finality(network, dependencies.networks, signal),
    pipe: new RowPipe(dependencies.rows, signal),
    engine,
    resumption: resumeFrom(before?.inHand ?? null),
  };
}

/** Follow goes back below its first block where the chain shrank; a closed range never does. */
function resumeBlock(input: IndexBlocksInput, before: IndexBlocksHeartbeat): number {
  return input.toBlock === null ? before.nextBlock : Math.max(input.fromBlock, before.nextBlock);
}

/** The checkpoint of the attempt before; undefined at the first one, and where another version wrote it. */
function readHeartbeat(details: unknown): IndexBlocksHeartbeat | undefined {
  return isHeartbeat(details) ? details : undefined;
}

function isHeartbeat(details: unknown): details is IndexBlocksHeartbeat {
  return typeof details === "object" && details !== null && "v" in details && details.v === 1;
}

function logChunk(input: IndexBlocksInput, result: IndexBlocksResult): void {
  const { nextBlock, blocks, skipped, transactions, rows, failedCount, seconds } = result;
  log.info("Indexed blocks", {
    network: input.network,
    fromBlock: input.fromBlock,
    nextBlock,
    blocks,
    skipped,
    transactions,
    rows,
    failedCount,
    seconds: Math.round(seconds * 1000) / 1000,
  });
}
