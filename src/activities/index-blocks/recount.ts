import { dataTables, type Processor } from "../../domain/processor.ts";
import { untilAborted } from "./abortable.ts";
import type { FailedBlock, Outcome, TracedBlock } from "./outcome.ts";
import type { Run } from "./run.ts";

/** Rows that a traced block must have in a processor's table. */
export function expectedRows(block: TracedBlock, processor: Processor): number {
  const rows = {
    structlog: block.structlogRows,
    transaction: block.transactionCount,
    structlog_agg: 0,
  } as const satisfies Record<Processor, number>;
  return rows[processor];
}

/** Rule 6 of the proof: what stands in ClickHouse is counted, per attempt; a block that falls short has failed. */
export async function recount(run: Run, outcomes: readonly Outcome[]): Promise<Outcome[]> {
  const faults = new Map<number, string>();
  for (const processor of run.processors) {
    const due = outcomes
      .filter((outcome) => outcome.kind === "traced")
      .filter(
        (block) => block.processors.includes(processor) && expectedRows(block, processor) > 0,
      );
    if (due.length === 0) continue;
    const counts = await untilAborted(
      run.dependencies.rows.countRows(
        dataTables[processor],
        due.map(({ attempt }) => attempt),
        run.signal,
      ),
      run.signal,
    );
    for (const block of due) {
      const stored = counts.get(block.attempt.attemptId) ?? 0;
      const expected = expectedRows(block, processor);
      if (stored === expected) continue;
      faults.set(
        block.blockNumber,
        `${dataTables[processor]}: ${stored} rows stored, ${expected} expected`,
      );
    }
  }
  return outcomes.map((outcome) => {
    const fault = faults.get(outcome.blockNumber);
    return outcome.kind === "traced" && fault !== undefined
      ? toMiscounted(outcome, fault)
      : outcome;
  });
}

function toMiscounted(block: TracedBlock, errorMessage: string): FailedBlock {
  const { blockNumber, processors, durationMs, traceBytes, attempt } = block;
  return {
    kind: "failed",
    blockNumber,
    processors,
    blockHash: attempt.blockHash,
    parentHash: attempt.parentHash,
    errorKind: "row_count_mismatch",
    errorMessage,
    durationMs,
    traceBytes,
  };
}
