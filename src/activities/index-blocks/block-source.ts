import { type FetchedBlock, fetchBlock, type UnfetchedBlock } from "./fetch-block.ts";
import type { FailedBlock, TracedBlock } from "./outcome.ts";
import { type Run, wantedProcessors } from "./run.ts";
import { type Settled, settled, unwrap } from "./settled.ts";
import { toFailedBlock, traceBlock } from "./trace-block.ts";

const blocksAhead = 12;
/** Blocks whose preparation begins at the same moment: their small calls share requests. */
const groupBlocks = 6;
/** A trace of so little gas is over in milliseconds: what it takes is the round trip, so several are in flight. */
const lightBlockGas = 1_000_000;

/** A block at hand; a light one's trace is under way or done. */
export type PreparedBlock = {
  readonly block: FetchedBlock | UnfetchedBlock;
  readonly tracing: Promise<Settled<TracedBlock | FailedBlock>> | null;
};

/**
 * Fetches the next few blocks while one is traced, and traces light ones ahead, so that small blocks do not wait for
 * round trips. A trace that is not needed after all leaves rows of an attempt that no ledger row names.
 */
export class BlockSource {
  readonly #run: Run;
  #ahead = new Map<number, Promise<Settled<PreparedBlock>>>();

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * The block, from what was prepared ahead. @throws {NodeUnavailableError}
   * @param wantedNext - numbers that will be asked for next, in order; the first few are prepared ahead.
   */
  async take(blockNumber: number, wantedNext: Iterable<number>): Promise<PreparedBlock> {
    const taken = this.#prepare(blockNumber);
    this.#prepareGroup(wantedNext);
    const block = unwrap(await taken);
    this.#ahead.delete(blockNumber);
    return block;
  }

  /** Forgets what was prepared ahead: the chain may have moved. */
  forget(): void {
    this.#ahead = new Map();
  }

  #prepareGroup(wantedNext: Iterable<number>): void {
    const missing: number[] = [];
    let seen = 0;
    for (const next of wantedNext) {
      if (seen >= blocksAhead) break;
      seen += 1;
      if (!this.#ahead.has(next)) missing.push(next);
    }
    if (missing.length < groupBlocks && missing.length < seen) return;
    for (const next of missing) void this.#prepare(next);
  }

  #prepare(blockNumber: number): Promise<Settled<PreparedBlock>> {
    const started = this.#ahead.get(blockNumber);
    if (started) return started;
    const preparing = settled(this.#fetchAndTrace(blockNumber));
    this.#ahead.set(blockNumber, preparing);
    return preparing;
  }

  async #fetchAndTrace(blockNumber: number): Promise<PreparedBlock> {
    const run = this.#run;
    const block = await fetchBlock(run, blockNumber);
    // After an attempt that ended early one block at a time is in hand, so that one that kills workers or nodes is found.
    const isTracedAhead =
      run.resumption.kind === "plain" &&
      run.activityAttempt === 1 &&
      block.kind === "fetched" &&
      Number(block.source.block.gasUsed) < lightBlockGas;
    const tracing = isTracedAhead
      ? settled(traceBlock(run, block, wantedProcessors(run, blockNumber)))
      : null;
    return { block, tracing };
  }
}

/** What becomes of a prepared block: traces it unless that was done ahead. */
export async function traceOf(
  run: Run,
  { block, tracing }: PreparedBlock,
): Promise<TracedBlock | FailedBlock> {
  if (tracing) return unwrap(await tracing);
  if (block.kind === "fetched") {
    return traceBlock(run, block, wantedProcessors(run, block.ref.number));
  }
  return toFailedBlock(block, wantedProcessors(run, block.blockNumber));
}
