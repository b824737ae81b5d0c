import type { StructlogAggColumns } from "../../trace/structlog-agg-columns.ts";
import type { StructlogColumns } from "../../trace/structlog-columns.ts";
import type { TransactionRow } from "../../trace/transaction-rows.ts";
import type { Attempt, RowStore, RowWriter } from "../ports.ts";
import { untilAborted } from "./abortable.ts";

/**
 * An insert costs ClickHouse 20 ms of CPU however few rows it has, merges of its parts included: with 50,000 rows
 * that was half of all it did (ADR 6). Structlogs take about 117 bytes a row.
 */
const flushRows = 200_000;
const flushBytes = 24 * 1024 * 1024;

/**
 * Two writers in turn: one fills while the other one's insert is under way, so that the node and ClickHouse work at
 * the same time and at most two inserts' worth of rows is in memory.
 */
export class RowPipe {
  readonly #signal: AbortSignal;
  #filling: RowWriter;
  #flushed: RowWriter;
  #flushing: Promise<void> | null = null;

  constructor(rows: Pick<RowStore, "createWriter">, signal: AbortSignal) {
    this.#signal = signal;
    this.#filling = rows.createWriter();
    this.#flushed = rows.createWriter();
  }

  addStructlogs(attempt: Attempt, columns: StructlogColumns): void {
    this.#filling.addStructlogs(attempt, columns);
  }

  addStructlogAggs(attempt: Attempt, columns: StructlogAggColumns): void {
    this.#filling.addStructlogAggs(attempt, columns);
  }

  addTransactions(attempt: Attempt, rows: readonly TransactionRow[]): void {
    this.#filling.addTransactions(attempt, rows);
  }

  get isFull(): boolean {
    const { rows, bytes } = this.#filling.pending;
    return rows >= flushRows || bytes >= flushBytes;
  }

  /** Starts an insert of a full writer; waits while the one before is still under way (back-pressure). */
  async relieve(): Promise<void> {
    if (this.isFull) await this.#startFlush();
  }

  /** Waits until every row handed in before stands in ClickHouse. */
  async drain(): Promise<void> {
    if (this.#filling.pending.rows > 0) await this.#startFlush();
    await this.#settleFlush();
  }

  async #startFlush(): Promise<void> {
    // Another block's trace may have started one while this one waited.
    while (this.#flushing) await this.#settleFlush();
    [this.#filling, this.#flushed] = [this.#flushed, this.#filling];
    this.#flushing = this.#flushed.flush(this.#signal);
    // Its error is thrown at the next wait; until then nobody listens.
    this.#flushing.catch(() => {});
  }

  async #settleFlush(): Promise<void> {
    const flushing = this.#flushing;
    if (flushing === null) return;
    await untilAborted(flushing, this.#signal);
    if (this.#flushing === flushing) this.#flushing = null;
  }
}
