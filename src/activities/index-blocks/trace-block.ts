import type { BlockRef } from "../../domain/chain.ts";
import type { InHand } from "../../domain/checkpoint.ts";
import { zeroHash } from "../../domain/ledger.ts";
import type { Processor } from "../../domain/processor.ts";
import { NodeUnavailableError } from "../../errors.ts";
import { type FetchedBlock, fetchAgain, type UnfetchedBlock } from "./fetch-block.ts";
import { restIfAsked } from "./on-nodes.ts";
import type { FailedBlock, TracedBlock } from "./outcome.ts";
import type { Run } from "./run.ts";
import { traceAttempt } from "./trace-attempt.ts";

/**
 * Traces a fetched block until it is proven: on the node that it came from, then on every other one that has the same
 * block. Each begins anew, with answers of its own and an attempt of its own, so that data of two nodes never mix.
 * @returns `failed` only where no node that serves could do it; the other nodes' failures stand in `rejected`.
 * @throws {NodeUnavailableError} @throws whatever is not the block's own fault.
 * @param onStepsBegin - called when steps arrive; may be called again.
 */
export async function traceBlock(
  run: Run,
  fetched: FetchedBlock,
  wanted: readonly Processor[],
  onStepsBegin: () => void = () => {},
): Promise<TracedBlock | FailedBlock> {
  const tried = new Set<string>();
  const rejected = (fetched.others ?? []).map((other) => toFailedBlock(other, wanted));
  let rests = 0;
  for (let block = fetched; ; ) {
    tried.add(block.node.name);
    let outage: NodeUnavailableError | undefined;
    try {
      const outcome = await traceInTurn(run, block, wanted, onStepsBegin);
      if (outcome.kind === "traced") return accept(run, outcome, rejected);
      rejected.push(outcome);
    } catch (error) {
      if (!(error instanceof NodeUnavailableError)) throw error;
      outage = error;
    }
    const next = await fetchAgain(run, block.ref, tried);
    if (next !== null) {
      block = next;
      continue;
    }
    const last = rejected.at(-1);
    // A word on its receipts alone does not fail a block that was only not traced for an outage.
    if (last && !(outage && rejected.length === (fetched.others ?? []).length)) {
      return withRejected(last, rejected.slice(0, -1));
    }
    if (!(await restIfAsked(run, rests))) throw outage;
    rests += 1;
    tried.clear();
  }
}

/** One attempt, when the call may have one more trace at that node. */
async function traceInTurn(
  run: Run,
  block: FetchedBlock,
  wanted: readonly Processor[],
  onStepsBegin: () => void,
): Promise<TracedBlock | FailedBlock> {
  const gasUsed = Number(block.source.block.gasUsed);
  const end = await run.nodes.beginTrace(block.node.name, gasUsed, run.signal);
  try {
    return await traceAttempt(run, block, wanted, onStepsBegin);
  } finally {
    end();
  }
}

/** A proven block: what other nodes said of it is known to be wrong now, and stands beside it as evidence. */
function accept(run: Run, block: TracedBlock, rejected: readonly FailedBlock[]): TracedBlock {
  if (block.node !== undefined) run.nodes.proved(block.node);
  for (const { node, blockNumber, errorKind, errorMessage } of rejected) {
    if (node === undefined || node === block.node) continue;
    run.nodes.contradict(node, { blockNumber, kind: errorKind, reason: errorMessage });
  }
  return withRejected(block, rejected);
}

function withRejected<Block extends TracedBlock | FailedBlock>(
  block: Block,
  rejected: readonly FailedBlock[],
): Block {
  return rejected.length === 0 ? block : { ...block, rejected };
}

/** A failed outcome of a block that could not be fetched. */
export function toFailedBlock(
  unfetched: UnfetchedBlock,
  wanted: readonly Processor[],
): FailedBlock {
  return {
    kind: "failed",
    blockNumber: unfetched.blockNumber,
    processors: wanted,
    blockHash: unfetched.ref?.hash ?? zeroHash,
    parentHash: unfetched.ref?.parentHash ?? zeroHash,
    errorKind: unfetched.fault.kind,
    errorMessage: unfetched.fault.reason,
    durationMs: 0,
    traceBytes: 0,
    ...unfetched.provenance,
    rejected: (unfetched.others ?? []).map((other) => toFailedBlock(other, wanted)),
  };
}

/** A failed outcome of a block that was in hand each time when attempts were lost; it is not traced once more. */
export function toLostBlock(
  { blockNumber, lostAttempts }: InHand,
  ref: BlockRef | undefined,
  wanted: readonly Processor[],
): FailedBlock {
  const reason = `${lostAttempts} attempts ended without a word while they had it in hand`;
  const fault = { kind: "worker_lost" as const, reason };
  return toFailedBlock({ kind: "unfetched", blockNumber, ref, fault }, wanted);
}
