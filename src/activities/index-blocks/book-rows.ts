import { type BlockFailure, decideRetry } from "../../domain/block-retry.ts";
import type { LedgerRow } from "../../domain/ledger.ts";
import {
  attemptsAfterFailure,
  completedFactsOf,
  type LedgerEvent,
  nextLedgerRow,
} from "../../domain/ledger-transition.ts";
import type { Processor } from "../../domain/processor.ts";
import { decoderVersion } from "./decoder-version.ts";
import type { FailedBlock, Outcome, TracedBlock } from "./outcome.ts";
import { expectedRows } from "./recount.ts";
import type { Run } from "./run.ts";

/** What a reorg changes besides the outcomes themselves. */
export type LedgerChange = {
  /** Numbers that leave the branch which the ledger shows; processors without an outcome there are retracted. */
  readonly reorged: ReadonlySet<number>;
  /** Numbers that the new branch does not reach. */
  readonly retracted: readonly number[];
  /** Numbers of a branch that came back, with the rows that called their attempts complete. */
  readonly restored: ReadonlyMap<number, readonly LedgerRow[]>;
  /** In words; null: the reason of the run. */
  readonly reason: string | null;
};

export const noReorg: LedgerChange = {
  reorged: new Set(),
  retracted: [],
  restored: new Map(),
  reason: null,
};

/** The ledger rows of outcomes: one per processor that they were traced for. */
export async function toLedgerRows(
  run: Run,
  outcomes: readonly Outcome[],
  { reorged, retracted, restored, reason }: LedgerChange,
): Promise<LedgerRow[]> {
  const rows: LedgerRow[] = [...restored.values()].flat().map((row) => restoredRow(run, row));
  for (const [blockNumber, kept] of restored) {
    rows.push(
      ...retractOthers(
        run,
        blockNumber,
        kept.map(({ processor }) => processor),
      ),
    );
  }
  for (const outcome of outcomes) {
    if (outcome.kind === "skipped") continue;
    const { blockNumber, processors } = outcome;
    const isReorged = reorged.has(blockNumber);
    const toEvent = await eventsOf(run, outcome, isReorged);
    for (const processor of processors) {
      const previous = run.view.row(blockNumber, processor);
      const moved = isReorged && previous !== undefined;
      const event = toEvent(processor, previous, moved);
      const evidence = (outcome.rejected ?? []).map((one) => rejected(run, one, moved));
      for (const each of [...evidence, event]) {
        rows.push(rowFor(run, { blockNumber, processor, event: each }));
      }
    }
    if (isReorged) rows.push(...retractOthers(run, blockNumber, processors));
  }
  rows.push(...retracted.flatMap((number) => retractOthers(run, number, [])));
  return reason === null ? rows : rows.map((row) => ({ ...row, reason }));
}

/** What an outcome means for each processor. */
async function eventsOf(
  run: Run,
  outcome: TracedBlock | FailedBlock,
  isReorged: boolean,
): Promise<
  (processor: Processor, previous: LedgerRow | undefined, reorged: boolean) => LedgerEvent
> {
  if (outcome.kind === "traced") {
    return (processor, _, reorged) => completed(run, outcome, { processor, reorged });
  }
  const grounds = await readGrounds(run, outcome, isReorged);
  return (_, previous, reorged) => failed(run, outcome, { grounds, previous, reorged });
}

/** Names the old attempt of a branch that came back. */
function restoredRow(run: Run, row: LedgerRow): LedgerRow {
  const { blockNumber, processor } = row;
  const { activityAttempt } = run;
  const facts = completedFactsOf(row);
  const event = { kind: "completed", facts, reorged: true, activityAttempt } as const;
  return rowFor(run, { blockNumber, processor, event });
}

function retractOthers(run: Run, blockNumber: number, kept: readonly Processor[]): LedgerRow[] {
  return run.view
    .rows(blockNumber)
    .filter(({ processor }) => !kept.includes(processor))
    .map(({ processor }) => rowFor(run, { blockNumber, processor, event: { kind: "retracted" } }));
}

function rowFor(
  run: Run,
  change: { blockNumber: number; processor: Processor; event: LedgerEvent },
): LedgerRow {
  const { blockNumber, processor, event } = change;
  return nextLedgerRow({
    key: { network: run.network.name, processor, blockNumber },
    previous: run.view.row(blockNumber, processor),
    event,
    origin: run.origin,
  });
}

function completed(
  run: Run,
  block: TracedBlock,
  { processor, reorged }: { processor: Processor; reorged: boolean },
): LedgerEvent {
  const { attempt, transactionCount, structlogCount, proof, proofDetail } = block;
  const facts = {
    blockHash: attempt.blockHash,
    parentHash: attempt.parentHash,
    attemptId: attempt.attemptId,
    transactionCount,
    structlogCount,
    rowCount: expectedRows(block, processor),
    proof,
    proofDetail,
    ...provenance(run, block),
  };
  return { kind: "completed", facts, reorged, activityAttempt: run.activityAttempt };
}

/** What decides when a failed block is tried again. */
type Grounds = {
  readonly now: Date;
  /** Since the last decision on the block (a release, a reorg), this one included: what quarantine is judged by. */
  readonly failures: readonly BlockFailure[];
  /** The share of the delay that is waited. */
  readonly random: number;
};

function failed(
  run: Run,
  block: FailedBlock,
  {
    grounds: { now, failures, random },
    previous,
    reorged,
  }: { grounds: Grounds; previous: LedgerRow | undefined; reorged: boolean },
): LedgerEvent {
  const decision = decideRetry({
    failures,
    attempts: attemptsAfterFailure(previous, reorged),
    nodes: run.nodes.size,
    policy: run.network.retryPolicy,
    random,
  });
  const facts = {
    blockHash: block.blockHash,
    parentHash: block.parentHash,
    errorKind: block.errorKind,
    errorMessage: block.errorMessage,
    nextAttemptAt:
      decision.kind === "retry" ? new Date(now.getTime() + decision.delayMs).toISOString() : null,
    ...provenance(run, block),
  };
  return { kind: "failed", facts, reorged };
}

/** What one node failed at and another one was asked for: a version that never wins, for the block's history. */
function rejected(run: Run, block: FailedBlock, reorged: boolean): LedgerEvent {
  const facts = {
    blockHash: block.blockHash,
    parentHash: block.parentHash,
    errorKind: block.errorKind,
    errorMessage: block.errorMessage,
    nextAttemptAt: run.dependencies.now().toISOString(),
    ...provenance(run, block),
  };
  return { kind: "failed", facts, reorged };
}

/** The same for all processors: they are traced together, as soon as the first of them is due. */
async function readGrounds(run: Run, block: FailedBlock, isReorged: boolean): Promise<Grounds> {
  const now = run.dependencies.now();
  const newest = [...(block.rejected ?? []), block].map(({ errorKind, node }) => ({
    kind: errorKind,
    node: node ?? run.network.node.name,
    atMs: now.getTime(),
  }));
  const earlier = isReorged ? [] : await readFailures(run, block);
  return { now, failures: [...earlier, ...newest], random: Math.random() };
}

async function readFailures(run: Run, block: FailedBlock): Promise<BlockFailure[]> {
  const processor = block.processors[0];
  const standing = processor && run.view.row(block.blockNumber, processor);
  if (standing === undefined) return [];
  const history = await run.dependencies.ledger.history(run.network.name, block.blockNumber);
  return history
    .filter((row) => row.processor === processor && row.generation === standing.generation)
    .filter((row) => row.status === "failed" && row.attempts > 0)
    .map((row) => ({ kind: row.errorKind, node: row.node, atMs: Date.parse(row.updatedAt) }));
}

function provenance(run: Run, block: TracedBlock | FailedBlock) {
  return {
    node: block.node ?? run.network.node.name,
    clientVersion: block.clientVersion ?? run.clientVersion,
    decoderVersion,
    durationMs: block.durationMs,
    traceBytes: block.traceBytes,
  };
}
