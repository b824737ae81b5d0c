import type { BlockRef } from "../../domain/chain.ts";
import type { LedgerRow } from "../../domain/ledger.ts";
import { dataTables, type Processor, processors } from "../../domain/processor.ts";
import { decoderVersion } from "./decoder-version.ts";
import { inBatches } from "./in-batches.ts";
import { countAttempts } from "./recount.ts";
import type { Run } from "./run.ts";

/**
 * Finds blocks that were indexed before, on a branch that came back: their ledger rows of then, where all rows of
 * every processor asked for still stand. Rows of an older decoder would differ, so those blocks are traced again.
 */
export async function findEarlierAttempts(
  run: Run,
  blocks: readonly BlockRef[],
  wantedOf: (blockNumber: number) => readonly Processor[],
): Promise<ReadonlyMap<number, readonly LedgerRow[]>> {
  const { ledger } = run.dependencies;
  const versions: LedgerRow[] = [];
  for (const batch of inBatches(blocks)) {
    versions.push(...(await ledger.completedVersions(run.network.name, batch)));
  }
  const usable = versions.filter((row) => row.decoderVersion === decoderVersion);
  const newest = new Map<string, LedgerRow>();
  for (const row of usable) {
    const key = `${row.blockNumber}/${row.processor}`;
    if (!newest.has(key)) newest.set(key, row);
  }
  const standing = await keepWhole(run, [...newest.values()]);
  return new Map(
    blocks.flatMap(({ number }) => {
      const wanted = wantedOf(number);
      const rows = standing.filter(
        (row) => row.blockNumber === number && wanted.includes(row.processor),
      );
      return wanted.length > 0 && rows.length === wanted.length ? [[number, rows]] : [];
    }),
  );
}

/** Those whose stored rows are as many as their ledger row says. */
async function keepWhole(run: Run, rows: readonly LedgerRow[]): Promise<LedgerRow[]> {
  const whole = await Promise.all(
    processors.map(async (processor) => {
      const own = rows.filter((row) => row.processor === processor);
      const withRows = own.filter(({ rowCount }) => rowCount > 0);
      if (withRows.length === 0) return own;
      const counts = await countAttempts(run, dataTables[processor], withRows);
      return own.filter(
        ({ attemptId, rowCount }) => rowCount === 0 || counts.get(attemptId) === rowCount,
      );
    }),
  );
  return whole.flat();
}
