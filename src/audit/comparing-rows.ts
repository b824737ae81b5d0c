import type { Attempt, RowStore, RowWriter } from "../activities/ports.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import { detachBlock } from "../clickhouse/merge-blocks.ts";
import type { NativeBlock } from "../clickhouse/native-encoder.ts";
import { readBlock } from "../clickhouse/native-values.ts";
import { comparedColumns, readStoredRows, rowKeys } from "../clickhouse/stored-rows.ts";
import { structlogAggBlock } from "../clickhouse/structlog-agg-block.ts";
import { structlogBlock } from "../clickhouse/structlog-block.ts";
import { transactionBlock } from "../clickhouse/transaction-block.ts";
import type { LedgerRow } from "../domain/ledger.ts";
import type { Processor } from "../domain/processor.ts";
import { type Row, RowComparison } from "./row-comparison.ts";

/** Both sides of one processor's rows of a block, read in step. */
class Side {
  readonly comparison: RowComparison;
  readonly #columns: readonly string[];
  readonly #stored: AsyncGenerator<readonly Row[]>;
  #isRead = false;

  constructor(clickhouse: ClickHouse, { network, processor, blockNumber, attemptId }: LedgerRow) {
    this.#columns = comparedColumns[processor];
    this.comparison = new RowComparison(this.#columns, rowKeys[processor]);
    this.#stored = readStoredRows(clickhouse, { network, processor, blockNumber, attemptId });
  }

  /** Takes rows of the new trace, then as many stored ones. */
  async add(block: NativeBlock): Promise<void> {
    const cells = readBlock(block);
    const columns = this.#columns.map((name) => cells.get(name) ?? []);
    for (let row = 0; row < block.rowCount; row += 1) {
      this.comparison.addTraced(columns.map((column) => column[row] ?? null));
    }
    while (!this.#isRead && this.comparison.storedRows < this.comparison.tracedRows) {
      await this.#readPage();
    }
  }

  async finish(): Promise<void> {
    while (!this.#isRead && !this.comparison.isHopeless) await this.#readPage();
    this.comparison.finish();
  }

  async #readPage(): Promise<void> {
    const page = await this.#stored.next();
    if (page.done) this.#isRead = true;
    else for (const row of page.value) this.comparison.addStored(row);
  }
}

/** A place for rows that stores none: each is compared with the one that stands. */
export type ComparingRows = Pick<RowStore, "createWriter"> & {
  /** Reads what is left of the stored rows. @returns the comparison of each processor. */
  readonly finish: () => Promise<ReadonlyMap<Processor, RowComparison>>;
};

/** Thrown to end a trace of which nothing more can be learnt. */
export class TooDifferent extends Error {}

/** @param standing - the complete ledger rows of one block. */
export function compareWithStored(
  clickhouse: ClickHouse,
  standing: readonly LedgerRow[],
): ComparingRows {
  const sides = new Map(standing.map((row) => [row.processor, new Side(clickhouse, row)]));
  return {
    createWriter: () => createComparingWriter(sides),
    async finish() {
      for (const side of sides.values()) await side.finish();
      return new Map([...sides].map(([processor, { comparison }]) => [processor, comparison]));
    },
  };
}

function createComparingWriter(sides: ReadonlyMap<Processor, Side>): RowWriter {
  let waiting: { processor: Processor; block: NativeBlock }[] = [];
  const add = (processor: Processor, block: NativeBlock) => {
    waiting.push({ processor, block: detachBlock(block) });
  };
  return {
    addStructlogs: (attempt: Attempt, columns) => {
      if (columns.length > 0) add("structlog", structlogBlock(attempt, columns, 0));
    },
    addStructlogAggs: (attempt, columns) => {
      if (columns.length > 0) add("structlog_agg", structlogAggBlock(attempt, columns, 0));
    },
    addTransactions: (attempt, rows) => {
      if (rows.length > 0) add("transaction", transactionBlock(attempt, rows, 0));
    },
    get pending() {
      return { rows: waiting.reduce((sum, { block }) => sum + block.rowCount, 0), bytes: 0 };
    },
    async flush() {
      const blocks = waiting;
      waiting = [];
      for (const { processor, block } of blocks) {
        const side = sides.get(processor);
        if (!side) continue;
        await side.add(block);
        if (side.comparison.isHopeless) throw new TooDifferent();
      }
    },
  };
}
