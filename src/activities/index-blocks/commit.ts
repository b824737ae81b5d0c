import { createHash } from "node:crypto";
import { log } from "@temporalio/activity";
import type { BlockRef } from "../../domain/chain.ts";
import { type LedgerRow, zeroHash } from "../../domain/ledger.ts";
import { dataTables } from "../../domain/processor.ts";
import { movedBlocks } from "../../domain/reorg.ts";
import { untilAborted } from "./abortable.ts";
import { type LedgerChange, noReorg, toLedgerRows } from "./book-rows.ts";
import type { Outcome } from "./outcome.ts";
import { expectedRows, recount } from "./recount.ts";
import type { Run } from "./run.ts";

const refsPerBatch = 100;

/** Outcomes whose rows stand in ClickHouse, and the first of them that left the chain meanwhile (null: none). */
export type Settled = { readonly outcomes: readonly Outcome[]; readonly moved: number | null };

/**
 * First half of a commit: waits until all data stands, counts it, and asks the node once more for blocks by number.
 * @param unsettled - points of the chain that are not final.
 */
export async function settle(
  run: Run,
  outcomes: readonly Outcome[],
  unsettled: readonly BlockRef[],
): Promise<Settled> {
  await run.pipe.drain();
  const [counted, moved] = await Promise.all([
    recount(run, outcomes),
    findFirstMoved(run, unsettled),
  ]);
  return { outcomes: counted, moved };
}

/** Second half of a commit: makes settled outcomes visible, in ONE insert. */
export async function writeLedger(
  run: Run,
  outcomes: readonly Outcome[],
  change: LedgerChange,
): Promise<void> {
  const rows = await toLedgerRows(run, outcomes, change);
  if (rows.length > 0) {
    const decision = change === noReorg ? undefined : nameDecision(rows);
    await untilAborted(run.dependencies.ledger.write(rows, run.signal, decision), run.signal);
    run.view.remember(rows);
  }
  for (const outcome of outcomes) report(run, outcome);
}

/** Two jobs that follow the same reorg at once decide the same: it is told once. */
function nameDecision(rows: readonly LedgerRow[]): string {
  const decided = rows
    .map((row) =>
      [
        row.network,
        row.processor,
        row.blockNumber,
        row.generation,
        row.status,
        row.blockHash,
      ].join(),
    )
    .toSorted();
  return createHash("sha256").update(decided.join("\n")).digest("hex");
}

/** The points of the chain that outcomes claim; a block that could not be fetched claims none. */
export function refsOf(outcomes: readonly Outcome[]): BlockRef[] {
  return outcomes.flatMap((outcome) => {
    if (outcome.kind === "skipped") return [];
    const { blockHash, parentHash } = outcome.kind === "traced" ? outcome.attempt : outcome;
    return blockHash === zeroHash
      ? []
      : [{ number: outcome.blockNumber, hash: blockHash, parentHash }];
  });
}

/** Asks the node for blocks by number, a batch at a time. */
export async function askRefs(
  run: Pick<Run, "network" | "signal">,
  blockNumbers: readonly number[],
): Promise<BlockRef[]> {
  const refs: BlockRef[] = [];
  for (let from = 0; from < blockNumbers.length; from += refsPerBatch) {
    const batch = blockNumbers.slice(from, from + refsPerBatch);
    const answer = run.network.node.blockRefs(batch, run.signal);
    refs.push(...(await untilAborted(answer, run.signal)));
  }
  return refs;
}

async function findFirstMoved(run: Run, refs: readonly BlockRef[]): Promise<number | null> {
  if (refs.length === 0) return null;
  const chain = await askRefs(
    run,
    refs.map(({ number }) => number),
  );
  const moved = movedBlocks(refs, chain);
  return moved.length === 0 ? null : Math.min(...moved);
}

function report(run: Run, outcome: Outcome): void {
  const { meters } = run.dependencies;
  const network = run.network.name;
  run.progress.add(outcome);
  if (outcome.kind === "traced") {
    meters.blocks(network, "complete", 1);
    for (const processor of outcome.processors) {
      meters.rows(network, dataTables[processor], expectedRows(outcome, processor));
    }
    const { blockNumber, transactionCount, structlogRows, proof, durationMs } = outcome;
    log.debug("Indexed block", { blockNumber, transactionCount, structlogRows, proof, durationMs });
  } else if (outcome.kind === "failed") {
    const { blockNumber, errorKind, errorMessage } = outcome;
    meters.blocks(network, "failed", 1);
    meters.failures(network, errorKind);
    log.warn("Block failed", { blockNumber, errorKind, errorMessage });
  }
}
