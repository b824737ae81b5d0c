import type { Cell } from "../clickhouse/native-values.ts";

/** A row that is not the same on both sides. */
export type Difference = {
  /** Which row: the columns of its key with their values. */
  readonly row: string;
  /** Column that differs; empty where the whole row is on one side only. */
  readonly column: string;
  /** null: NULL, or no such row. */
  readonly stored: Cell;
  readonly traced: Cell;
  readonly kind: "value" | "only_stored" | "only_traced";
};

export type Row = readonly Cell[];

/** Differences that are kept of one comparison; the others are counted. */
const keptDifferences = 100;
/** Rows that wait for their like before the sides are called different: open call frames are some ten thousand. */
const maximumWaiting = 500_000;

/**
 * Compares two streams of rows by key, in whatever order they come: a row waits until the other side brings its like.
 * Memory holds what waits, which is little where both sides run in about the same order.
 */
export class RowComparison {
  readonly differences: Difference[] = [];
  differenceCount = 0;
  storedRows = 0;
  tracedRows = 0;
  readonly #columns: readonly string[];
  readonly #keyColumns: readonly number[];
  readonly #waiting = { stored: new Map<string, Row>(), traced: new Map<string, Row>() };

  constructor(columns: readonly string[], key: readonly string[]) {
    this.#columns = columns;
    this.#keyColumns = key.map((name) => columns.indexOf(name));
  }

  /** Whether so much differs that nothing is gained by going on. */
  get isHopeless(): boolean {
    return this.#waiting.stored.size + this.#waiting.traced.size > maximumWaiting;
  }

  addStored(row: Row): void {
    this.storedRows += 1;
    this.#add(row, "stored", "traced");
  }

  addTraced(row: Row): void {
    this.tracedRows += 1;
    this.#add(row, "traced", "stored");
  }

  /** What still waits has no like on the other side. */
  finish(): void {
    for (const row of this.#waiting.stored.values()) this.#noteAlone(row, "only_stored");
    for (const row of this.#waiting.traced.values()) this.#noteAlone(row, "only_traced");
    this.#waiting.stored.clear();
    this.#waiting.traced.clear();
  }

  #add(row: Row, side: "stored" | "traced", other: "stored" | "traced"): void {
    const key = this.#keyColumns.map((column) => row[column]).join("\u0000");
    const like = this.#waiting[other].get(key);
    if (like) {
      this.#waiting[other].delete(key);
      if (side === "stored") this.#compare(row, like);
      else this.#compare(like, row);
      return;
    }
    // The same row twice on one side: one of them has no like.
    if (this.#waiting[side].has(key)) this.#noteAlone(row, `only_${side}`);
    else this.#waiting[side].set(key, row);
  }

  #compare(stored: Row, traced: Row): void {
    for (let column = 0; column < this.#columns.length; column += 1) {
      if (stored[column] === traced[column]) continue;
      this.#note({
        kind: "value",
        row: this.#name(stored),
        column: this.#columns[column] ?? "",
        stored: stored[column] ?? null,
        traced: traced[column] ?? null,
      });
    }
  }

  #noteAlone(row: Row, kind: "only_stored" | "only_traced"): void {
    this.#note({ kind, row: this.#name(row), column: "", stored: null, traced: null });
  }

  #note(difference: Difference): void {
    this.differenceCount += 1;
    if (this.differences.length < keptDifferences) this.differences.push(difference);
  }

  #name(row: Row): string {
    return this.#keyColumns.map((at) => `${this.#columns[at]} ${row[at]}`).join(", ");
  }
}
