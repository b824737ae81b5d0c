import { type DataTable, dataTables, type Processor, processors } from "../../domain/processor.ts";
import type { Attempt } from "../ports.ts";
import { untilAborted } from "./abortable.ts";
import { inBatches } from "./in-batches.ts";
import type { FailedBlock, Outcome, TracedBlock } from "./outcome.ts";
import type { Run } from "./run.ts";

/** Rows that a traced block must have in a processor's table. */
export function expectedRows(block: TracedBlock, processor: Processor): number {
  const rows = {
    structlog: block.structlogRows,
    transaction: block.transactionCount,
    structlog_agg: block.structlogAggRows,
  } as const satisfies Record<Processor, number>;
  return rows[processor];
}

/** Rule 6 of the proof: what stands in ClickHouse is counted, per attempt; a block that falls short has failed. */
export async function recount(run: Run, outcomes: readonly Outcome[]): Promise<Outcome[]> {
  const traced = outcomes.filter((outcome) => outcome.kind === "traced");
  const miscounts = await Promise.all(
    processors.map((processor) => findMiscounts(run, traced, processor)),
  );
  const faults = new Map(miscounts.flat());
  return outcomes.map((outcome) => {
    const fault = faults.get(outcome.blockNumber);
    return outcome.kind === "traced" && fault !== undefined
      ? toMiscounted(outcome, fault)
      : outcome;
  });
}

/** Block numbers whose rows in one table are not as many as expected, and the counts in words. */
async function findMiscounts(
  run: Run,
  traced: readonly TracedBlock[],
  processor: Processor,
): Promise<[number, string][]> {
  const due = traced.filter(
    (block) => block.processors.includes(processor) && expectedRows(block, processor) > 0,
  );
  if (due.length === 0) return [];
  const table = dataTables[processor];
  const counts = await countAttempts(
    run,
    table,
    due.map(({ attempt }) => attempt),
  );
  return due.flatMap((block) => {
    const stored = counts.get(block.attempt.attemptId) ?? 0;
    const expected = expectedRows(block, processor);
    const words = `${table}: ${stored} rows stored, ${expected} expected`;
    return stored === expected ? [] : [[block.blockNumber, words]];
  });
}

/** Rows stored under each attempt, by its id; absent = 0. */
export async function countAttempts(
  run: Run,
  table: DataTable,
  attempts: readonly Attempt[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const batch of inBatches(attempts)) {
    const counting = run.dependencies.rows.countRows(table, batch, run.signal);
    for (const [id, count] of await untilAborted(counting, run.signal)) counts.set(id, count);
  }
  return counts;
}

function toMiscounted(block: TracedBlock, errorMessage: string): FailedBlock {
  const { blockNumber, durationMs, traceBytes, attempt } = block;
  return {
    kind: "failed",
    blockNumber,
    processors: block.processors,
    blockHash: attempt.blockHash,
    parentHash: attempt.parentHash,
    errorKind: "row_count_mismatch",
    errorMessage,
    durationMs,
    traceBytes,
  };
}
