import type { BlockRef } from "../../domain/chain.ts";
import type { LedgerRow } from "../../domain/ledger.ts";
import { winsOver } from "../../domain/ledger-transition.ts";
import { type Processor, processors } from "../../domain/processor.ts";
import type { Ledger } from "../ports.ts";
import { inBatches } from "./in-batches.ts";

const windowBlocks = 5000;

/** What the ledger says of the blocks at hand: read once per window, then kept up with what this run writes. */
export class LedgerView {
  readonly #ledger: Ledger;
  readonly #network: string;
  readonly #signal: AbortSignal;
  #rows = new Map<number, LedgerRow[]>();
  #loadedFrom = Number.POSITIVE_INFINITY;
  #loadedTo = -1;

  constructor(ledger: Ledger, network: string, signal: AbortSignal) {
    this.#ledger = ledger;
    this.#network = network;
    this.#signal = signal;
  }

  /** Sees to it that `blockNumber` and the block before it are known; reads ahead, not beyond `lastBlock`. */
  async load(blockNumber: number, lastBlock: number | null): Promise<void> {
    const fromBlock = Math.max(0, blockNumber - 1);
    // Follow goes back below the window where the chain shrank.
    if (fromBlock >= this.#loadedFrom && blockNumber <= this.#loadedTo) return;
    const windowEnd = blockNumber + windowBlocks - 1;
    const toBlock = lastBlock === null ? windowEnd : Math.min(windowEnd, lastBlock);
    const range = { fromBlock, toBlock };
    for (const known of this.#rows.keys()) {
      if (known < range.fromBlock) this.#rows.delete(known);
    }
    this.remember(
      await this.#ledger.read({ network: this.#network, processors, range }, this.#signal),
    );
    this.#loadedFrom = fromBlock;
    this.#loadedTo = toBlock;
  }

  /** Whether the ledger was asked about a block of the window at hand. */
  isLoaded(blockNumber: number): boolean {
    return blockNumber <= this.#loadedTo;
  }

  /**
   * Reads blocks anew, also outside the window at hand.
   * @returns whether the ledger says something else of them than was known here.
   */
  async loadBlocks(blockNumbers: readonly number[]): Promise<boolean> {
    let isNews = false;
    for (const batch of inBatches(blockNumbers)) {
      const rows = await this.#ledger.readBlocks(this.#network, processors, batch);
      isNews = this.remember(rows) || isNews;
    }
    return isNews;
  }

  /** @returns whether one of the rows was news. */
  remember(rows: readonly LedgerRow[]): boolean {
    let isNews = false;
    for (const row of rows) {
      const standing = this.#rows.get(row.blockNumber) ?? [];
      const same = standing.find(({ processor }) => processor === row.processor);
      if (!winsOver(row, same)) continue;
      isNews ||= same === undefined || !winsOver(same, row) || same.attemptId !== row.attemptId;
      this.#rows.set(row.blockNumber, [...standing.filter((other) => other !== same), row]);
    }
    return isNews;
  }

  rows(blockNumber: number): readonly LedgerRow[] {
    return this.#rows.get(blockNumber) ?? [];
  }

  row(blockNumber: number, processor: Processor): LedgerRow | undefined {
    return this.rows(blockNumber).find((row) => row.processor === processor);
  }

  isComplete(blockNumber: number, processor: Processor): boolean {
    return this.row(blockNumber, processor)?.status === "complete";
  }

  /** Where complete rows say that the chain passes at this number: nowhere, at one place, or at more if processors disagree. */
  completeRefs(blockNumber: number): BlockRef[] {
    return this.rows(blockNumber)
      .filter(({ status }) => status === "complete")
      .map(({ blockHash, parentHash }) => ({ number: blockNumber, hash: blockHash, parentHash }));
  }
}
