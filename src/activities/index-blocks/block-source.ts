import { EventEmitter, once } from "node:events";
import { lightBlockGas } from "../../domain/trace-limit.ts";
import { type FetchedBlock, fetchBlock, type UnfetchedBlock } from "./fetch-block.ts";
import type { FailedBlock, TracedBlock } from "./outcome.ts";
import { type Run, wantedProcessors } from "./run.ts";
import { type Settled, settled, unwrap } from "./settled.ts";
import { toFailedBlock, traceBlock } from "./trace-block.ts";

const blocksAhead = 12;
/** Blocks whose preparation begins at the same moment: their small calls share requests. */
const groupBlocks = 6;
/** As many as the nodes take of light traces are remembered. */
const mostLightTraces = 64;

/** A block at hand; the trace of one that was traced ahead is under way or done. */
export type PreparedBlock = {
  readonly block: FetchedBlock | UnfetchedBlock;
  readonly tracing: Tracing | null;
};

type Tracing = {
  readonly outcome: Promise<Settled<TracedBlock | FailedBlock>>;
  /** The node has begun to send the steps, or the trace is over. */
  readonly begun: Promise<void>;
};

/**
 * Fetches the next few blocks while one is traced, and traces light ones ahead, so that small blocks do not wait for
 * round trips. Nodes compute a trace whole before they send it: the next heavy block's is asked for as soon as the
 * first bytes of the one at hand are here, so that the node works while we read. A trace that is not needed after all leaves rows of an attempt that no ledger row names.
 */
export class BlockSource {
  readonly #run: Run;
  #ahead = new Map<number, Promise<Settled<PreparedBlock>>>();
  /** The last few traces that were started ahead, oldest first. */
  #lightTraces: Promise<unknown>[] = [];

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

  /**
   * What becomes of a prepared block: traces it unless that was done ahead.
   * @param wantedNext - the numbers after it: one more for each other node is traced meanwhile, and the one after those
   * is asked for as soon as the node is done with this one.
   */
  async trace(
    { block, tracing }: PreparedBlock,
    wantedNext: Iterable<number>,
  ): Promise<TracedBlock | FailedBlock> {
    const run = this.#run;
    if (block.kind === "unfetched") {
      return toFailedBlock(block, wantedProcessors(run, block.blockNumber));
    }
    const { outcome, begun } = tracing ?? startTrace(run, block);
    let others = this.#run.nodes.size - 1;
    for (const next of wantedNext) {
      void this.#traceAheadAfter(others > 0 ? Promise.resolve() : begun, next);
      if (others === 0) break;
      others -= 1;
    }
    return unwrap(await outcome);
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
    const isLight = block.kind === "fetched" && Number(block.source.block.gasUsed) < lightBlockGas;
    const tracing = isLight && mayTraceAhead(run) ? this.#traceInTurn(block) : null;
    return { block, tracing };
  }

  #traceInTurn(block: FetchedBlock): Tracing {
    const before = this.#lightTraces.at(-this.#run.nodes.tracesAhead);
    const tracing = startTrace(this.#run, block, before);
    this.#lightTraces = [...this.#lightTraces, tracing.outcome].slice(-mostLightTraces);
    return tracing;
  }

  async #traceAheadAfter(begun: Promise<void>, blockNumber: number): Promise<void> {
    await begun;
    if (!mayTraceAhead(this.#run)) return;
    const preparing = this.#ahead.get(blockNumber);
    if (preparing === undefined) return;
    const traced = preparing.then((prepared) => {
      if ("error" in prepared) return prepared;
      const { block, tracing } = prepared.value;
      if (tracing !== null || block.kind === "unfetched") return prepared;
      return { value: { block, tracing: startTrace(this.#run, block) } };
    });
    this.#ahead.set(blockNumber, traced);
  }
}

/** After an attempt that ended early one block at a time is in hand, so that one that kills workers or nodes is found. */
function mayTraceAhead({ resumption, activityAttempt }: Run): boolean {
  return resumption.kind === "plain" && activityAttempt === 1;
}

/** @param before - what must be over first; never rejects. */
function startTrace(
  run: Run,
  block: FetchedBlock,
  before: Promise<unknown> = Promise.resolve(),
): Tracing {
  const wanted = wantedProcessors(run, block.ref.number);
  const { begun, tell } = createNotice();
  const outcome = settled(before.then(() => traceBlock(run, block, wanted, tell)));
  void outcome.then(tell);
  return { outcome, begun };
}

function createNotice(): { begun: Promise<void>; tell: () => void } {
  const told = new EventEmitter();
  const begun = once(told, "begun").then(() => undefined);
  return { begun, tell: () => told.emit("begun") };
}
