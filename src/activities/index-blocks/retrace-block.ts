import type { Hex } from "../../domain/chain.ts";
import type { Processor } from "../../domain/processor.ts";
import type { ExecutionNode, Network, RowStore } from "../ports.ts";
import { fetchFrom, type UnfetchedBlock } from "./fetch-block.ts";
import type { FailedBlock, TracedBlock } from "./outcome.ts";
import { RowPipe } from "./row-pipe.ts";
import { traceAttempt } from "./trace-attempt.ts";
import type { TraceEngine } from "./trace-engine.ts";

/**
 * Takes a stored block through the block job once more, up to its proof, and books nothing: its rows go to `rows`, all
 * of them before it returns. @throws {NodeUnavailableError} @throws whatever `rows` throws.
 */
export async function retraceBlock({
  network,
  node,
  engine,
  block,
  processors,
  stacks,
  rows,
  signal,
}: {
  readonly network: Network;
  readonly node: ExecutionNode;
  readonly engine: TraceEngine;
  readonly block: { readonly number: number; readonly hash: Hex };
  readonly processors: readonly Processor[];
  /** Whether the stored rows were made with stacks. */
  readonly stacks: boolean;
  readonly rows: Pick<RowStore, "createWriter">;
  readonly signal: AbortSignal;
}): Promise<TracedBlock | FailedBlock | UnfetchedBlock> {
  const pipe = new RowPipe(rows, signal);
  const ask = (until: AbortSignal) => node.blockByHash(block.hash, until);
  const run = { network, engine, signal, pipe, dependencies, stacks };
  const fetched = await fetchFrom(run, { node, blockNumber: block.number, ask });
  if (fetched.kind === "unfetched") return fetched;
  const outcome = await traceAttempt(run, fetched, processors);
  await pipe.drain();
  return outcome;
}

/** Nobody sees the attempt, and its time is no worker's. */
const dependencies = {
  newAttemptId: () => "0",
  meters: {
    blocks() {},
    rows() {},
    failures() {},
    headDistance() {},
    gaps() {},
    traceSeconds() {},
    reorg() {},
    finalityContradiction() {},
  },
};
