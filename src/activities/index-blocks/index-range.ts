import { chains } from "../../domain/reorg.ts";
import { NodeUnavailableError } from "../../errors.ts";
import { pause } from "./abortable.ts";
import { Batch } from "./batch.ts";
import { BlockSource } from "./block-source.ts";
import type { FetchedBlock, UnfetchedBlock } from "./fetch-block.ts";
import { mendLeftBehind } from "./left-behind.ts";
import { bringBack, isRetracted, mendReorg } from "./mend-reorg.ts";
import { type Run, takeInHand, wantedProcessors } from "./run.ts";
import { type Settled, settled, unwrap } from "./settled.ts";
import { toLostBlock } from "./trace-block.ts";

const unrestMs = 200;
/** A node whose blocks do not chain so many times in a row (about 5 s) is treated as away. */
const maximumUnrest = 25;

/** Takes each block of a closed range through the block job, oldest first. */
export class RangeIndexer {
  readonly #run: Run;
  readonly #batch: Batch;
  readonly #source: BlockSource;
  #committing: Promise<Settled<number | null>> | null = null;
  #unrest = 0;
  #isHeadGone = false;

  constructor(run: Run) {
    this.#run = run;
    this.#batch = new Batch(run);
    this.#source = new BlockSource(run);
  }

  /**
   * Indexes every block of the range that is not complete; on return all below the number returned stands in the ledger.
   * @returns `toBlock + 1`, or a lower number where follow's head is gone again.
   */
  async index(fromBlock: number, toBlock: number): Promise<number> {
    try {
      let next = fromBlock;
      for (;;) {
        this.#isHeadGone = false;
        while (next <= toBlock && !this.#isHeadGone) {
          this.#run.signal.throwIfAborted();
          next = await this.#indexNext(next, toBlock);
        }
        const moved = await this.#commit({ suspicious: this.#isHeadGone });
        if (moved === null) return next;
        next = moved;
      }
    } finally {
      // What is being written counts, also where the block after it ends the attempt.
      await this.#committing;
    }
  }

  /** Takes one block a step further and says which number is next: a lower one where the chain moved. */
  async #indexNext(blockNumber: number, toBlock: number): Promise<number> {
    const run = this.#run;
    await run.view.load(blockNumber, run.input.toBlock);
    if (wantedProcessors(run, blockNumber).length === 0) {
      this.#batch.add({ kind: "skipped", blockNumber });
      return (await this.#commitIfDue()) ?? blockNumber + 1;
    }
    const returned = await this.#bringBack(blockNumber);
    if (returned !== null) return returned;
    const alone = await this.#setApart(blockNumber);
    if (alone !== null) return alone;

    takeInHand(run, blockNumber);
    const prepared = await this.#source.take(blockNumber, this.#wantedAfter(blockNumber, toBlock));
    if (this.#isGone(prepared.block)) {
      this.#source.forget();
      run.heart.putDown();
      this.#isHeadGone = true;
      return blockNumber;
    }
    const moved = await this.#followChain(prepared.block, blockNumber);
    if (moved !== null) return moved;
    const wantedNext = this.#wantedAfter(blockNumber, toBlock);
    this.#batch.add(await this.#source.trace(prepared, wantedNext));
    run.heart.putDown();
    return (await this.#commitIfDue()) ?? blockNumber + 1;
  }

  /** A branch that grows back block by block is not traced again. @returns the number to go on with; null: nothing to bring back. */
  async #bringBack(blockNumber: number): Promise<number | null> {
    if (!isRetracted(this.#run, blockNumber)) return null;
    const moved = await this.#commit({ suspicious: false });
    if (moved !== null) return moved;
    return (await bringBack(this.#run, blockNumber)) ? blockNumber : null;
  }

  /**
   * Deals with a block at which earlier attempts were lost: what stands before it is written first, so that it is alone
   * if it kills the worker again; at two losses it is booked and skipped.
   * @returns the next number if the block is done with or the chain moved; null to go on with it.
   */
  async #setApart(blockNumber: number): Promise<number | null> {
    const { resumption } = this.#run;
    if (resumption.kind === "plain" || resumption.inHand.blockNumber !== blockNumber) return null;
    const moved = await this.#commit({ suspicious: false });
    if (moved !== null) return moved;
    if (resumption.kind === "suspect") return null;
    const wanted = wantedProcessors(this.#run, blockNumber);
    this.#batch.add(toLostBlock(resumption.inHand, undefined, wanted));
    return blockNumber + 1;
  }

  /** The chain is shrinking or a replica is behind; of a closed range, a block that is not there is booked. */
  #isGone(block: FetchedBlock | UnfetchedBlock): boolean {
    const isUnknown = block.kind === "unfetched" && block.fault.kind === "block_not_found";
    return isUnknown && this.#run.input.toBlock === null;
  }

  /**
   * Checks the block's parent against what stands below it.
   * @returns the number to go on with where the chain moved; null where the block fits.
   */
  async #followChain(
    block: FetchedBlock | UnfetchedBlock,
    blockNumber: number,
  ): Promise<number | null> {
    if (this.#fits(block)) {
      this.#unrest = 0;
      return null;
    }
    this.#source.forget();
    const moved = await this.#commit({ suspicious: true });
    if (moved !== null) return moved;
    const head = await mendReorg(this.#run, blockNumber);
    if (head !== null) {
      // The suspect was indexed with the new branch, unless that branch ends below it.
      const nextBlock = this.#goBackTo(Math.min(blockNumber, head) + 1);
      this.#run.heart.putDown();
      this.#run.heart.checkpoint(nextBlock, this.#run.progress.done());
      return nextBlock;
    }
    await this.#rest(blockNumber);
    return blockNumber;
  }

  /** Follow goes back below its first block where the chain shrank; a closed range never does. */
  #goBackTo(blockNumber: number): number {
    const { fromBlock, toBlock } = this.#run.input;
    return toBlock === null ? blockNumber : Math.max(fromBlock, blockNumber);
  }

  /** Against all that is known of its neighbours, above too: ranges are indexed side by side and newest first. */
  #fits({ ref }: FetchedBlock | UnfetchedBlock): boolean {
    if (ref === undefined) return true;
    const { view } = this.#run;
    const isOther = view.completeRefs(ref.number).some(({ hash }) => hash !== ref.hash);
    if (isOther || view.completeRefs(ref.number + 1).some((above) => !chains(ref, above))) {
      return false;
    }
    const gathered = this.#batch.hashOf(ref.number - 1);
    return gathered === undefined
      ? view.completeRefs(ref.number - 1).every((below) => chains(below, ref))
      : gathered === ref.parentHash;
  }

  /** Waits for a node whose answers contradict each other, such as a pool of replicas in the middle of a reorg. */
  async #rest(blockNumber: number): Promise<void> {
    this.#unrest += 1;
    this.#run.heart.waitFor(`a node that agrees with itself on block ${blockNumber}`);
    if (this.#unrest >= maximumUnrest) {
      throw new NodeUnavailableError({
        node: this.#run.network.node.name,
        method: "eth_getBlockByNumber",
        reason: `block ${blockNumber}: it does not chain with its neighbours`,
      });
    }
    await pause(unrestMs, this.#run.signal);
  }

  /** Writes a full batch while the next block is traced. */
  async #commitIfDue(): Promise<number | null> {
    if (!this.#batch.isDue) return null;
    const moved = await this.#finishCommit();
    if (moved !== null) return moved;
    this.#committing = settled(this.#batch.commit({ suspicious: false }));
    return null;
  }

  async #commit(how: { readonly suspicious: boolean }): Promise<number | null> {
    const moved = await this.#finishCommit();
    if (moved !== null) return moved;
    this.#committing = settled(this.#batch.commit(how));
    return this.#finishCommit();
  }

  /** Waits for the commit under way. @returns the number to go on with where it found that the chain moved. */
  async #finishCommit(): Promise<number | null> {
    if (this.#committing === null) return null;
    const moved = unwrap(await this.#committing);
    this.#committing = null;
    if (moved === null) return null;
    this.#batch.discard();
    this.#source.forget();
    // The blocks at hand may have no stored neighbour whose hash would tell.
    const newHead = await mendLeftBehind(this.#run);
    // Replicas that do not agree yet would have the same blocks traced over and over.
    await pause(unrestMs, this.#run.signal);
    return newHead === null ? moved : this.#goBackTo(Math.min(moved, newHead + 1));
  }

  *#wantedAfter(blockNumber: number, toBlock: number): Generator<number> {
    const { view } = this.#run;
    for (let next = blockNumber + 1; next <= toBlock && view.isLoaded(next); next += 1) {
      // What was retracted may come back as it was: it is not traced ahead.
      const isDue = wantedProcessors(this.#run, next).length > 0;
      if (isDue && !isRetracted(this.#run, next)) yield next;
    }
  }
}
