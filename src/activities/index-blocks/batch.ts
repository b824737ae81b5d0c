import { noReorg } from "./book-rows.ts";
import { refsOf, settle, writeLedger } from "./commit.ts";
import type { Outcome } from "./outcome.ts";
import type { Run } from "./run.ts";

/** A commit is seven statements however few rows it has: at 64 blocks they took most of ClickHouse's time (ADR 5). */
const batchBlocks = 256;
const batchMs = 1000;

/** Blocks done but not in the ledger yet: small ones share their inserts. */
export class Batch {
  readonly #run: Run;
  #outcomes: Outcome[] = [];
  /** What a commit under way writes. */
  #writing: Outcome[] = [];
  #work = 0;
  #startedAt = Date.now();

  constructor(run: Run) {
    this.#run = run;
  }

  add(outcome: Outcome): void {
    if (this.#outcomes.length === 0) this.#startedAt = Date.now();
    this.#outcomes.push(outcome);
    if (outcome.kind !== "skipped") this.#work += 1;
  }

  /** Full rows, full blocks or a second gone: it is time to write. */
  get isDue(): boolean {
    return (
      this.#work >= batchBlocks ||
      this.#run.pipe.isFull ||
      (this.#outcomes.length > 0 && Date.now() - this.#startedAt >= batchMs)
    );
  }

  /** The hash that a block claims which is not in the ledger yet; undefined where none was fetched. */
  hashOf(blockNumber: number): string | undefined {
    const isIt = (one: Outcome) => one.blockNumber === blockNumber;
    const outcome = this.#outcomes.findLast(isIt) ?? this.#writing.findLast(isIt);
    return outcome && refsOf([outcome])[0]?.hash;
  }

  /** Lets go of what was gathered: it stands on a branch that the chain left. */
  discard(): void {
    this.#outcomes = [];
    this.#work = 0;
  }

  /**
   * Writes what was gathered and moves the checkpoint; one at a time, while the next blocks are gathered.
   * @param suspicious - ask the node for every block again, not only for those that are not final yet.
   * @returns the first block that left the chain meanwhile and has to be done again; null if none did.
   */
  async commit({ suspicious }: { readonly suspicious: boolean }): Promise<number | null> {
    const outcomes = this.#outcomes;
    const last = outcomes.at(-1);
    if (last === undefined) return null;
    this.#writing = outcomes;
    this.discard();
    const finalized = suspicious ? null : await this.#run.finality.current();
    const unsettled = refsOf(outcomes).filter(
      ({ number }) => finalized === null || number > finalized,
    );
    const settled = await settle(this.#run, outcomes, unsettled);
    const { moved } = settled;
    // What follows a block that moved stands on its old branch: those rows belong to attempts that nobody names.
    const staying = settled.outcomes.filter((one) => moved === null || one.blockNumber < moved);
    await writeLedger(this.#run, staying, noReorg);
    this.#writing = [];
    const nextBlock = moved ?? last.blockNumber + 1;
    this.#run.heart.checkpoint(nextBlock, this.#run.progress.done());
    return moved;
  }
}
