import type { IndexBlocksHeartbeat, IndexBlocksResult } from "../../workflows/index-activities.ts";
import type { Outcome } from "./outcome.ts";

const listedFailures = 100;

/** The counts of a run, those of its lost attempts included. */
export class Progress {
  readonly #startedAt = Date.now();
  readonly #before: IndexBlocksHeartbeat["done"];
  readonly #failed: IndexBlocksResult["failed"][number][];
  readonly #reorgs: IndexBlocksResult["reorgs"][number][];
  #counts = { blocks: 0, skipped: 0, transactions: 0, rows: 0, failedCount: 0, gasUsed: 0 };
  head: number | null;

  constructor(before: IndexBlocksHeartbeat["done"] | undefined) {
    this.#before = before ?? nothingDone;
    this.#failed = [...this.#before.failed];
    this.#reorgs = [...this.#before.reorgs];
    this.head = this.#before.head;
  }

  add(outcome: Outcome): void {
    this.#counts.blocks += 1;
    if (outcome.kind === "skipped") this.#counts.skipped += 1;
    if (outcome.kind === "traced") {
      this.#counts.transactions += outcome.transactionCount;
      this.#counts.rows +=
        outcome.structlogRows + outcome.structlogAggRows + outcome.transactionCount;
      this.#counts.gasUsed += outcome.gasUsed;
    }
    if (outcome.kind === "failed") {
      const { blockNumber, errorKind, errorMessage } = outcome;
      this.#counts.failedCount += 1;
      if (this.#failed.length < listedFailures) {
        this.#failed.push({ blockNumber, kind: errorKind, reason: errorMessage });
      }
    }
  }

  addReorg(reorg: IndexBlocksResult["reorgs"][number]): void {
    this.#reorgs.push(reorg);
  }

  /** Blocks of this attempt alone. */
  get blocks(): number {
    return this.#counts.blocks;
  }

  done(): IndexBlocksHeartbeat["done"] {
    const before = this.#before;
    return {
      head: this.head,
      blocks: before.blocks + this.#counts.blocks,
      skipped: before.skipped + this.#counts.skipped,
      transactions: before.transactions + this.#counts.transactions,
      rows: before.rows + this.#counts.rows,
      failedCount: before.failedCount + this.#counts.failedCount,
      failed: [...this.#failed],
      gasUsed: before.gasUsed + this.#counts.gasUsed,
      seconds: before.seconds + (Date.now() - this.#startedAt) / 1000,
      reorgs: [...this.#reorgs],
    };
  }
}

const nothingDone: IndexBlocksHeartbeat["done"] = {
  head: null,
  blocks: 0,
  skipped: 0,
  transactions: 0,
  rows: 0,
  failedCount: 0,
  failed: [],
  gasUsed: 0,
  seconds: 0,
  reorgs: [],
};
