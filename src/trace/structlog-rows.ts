import type { OpenFrames } from "./open-frames.ts";
import type { Step } from "./step.ts";
import {
  reserveRow,
  type StructlogColumns,
  type StructlogTransaction,
} from "./structlog-columns.ts";

/** What is derived for a step beside what the node says of it. */
export type DerivedStep = {
  readonly gasUsed: number;
  readonly gasSelf: number;
  readonly error: string | null;
  readonly callTo: string | null;
};

/** Appends rows of one transaction after the other to columns that somebody else empties. */
export class StructlogRows {
  private readonly columns: StructlogColumns | null;
  /** Rows so far, whether they are kept or not. */
  count = 0;
  private transactionIndex = -1;
  private transaction: StructlogTransaction | null = null;

  /** Null `columns`: rows are counted alone. */
  constructor(columns: StructlogColumns | null) {
    this.columns = columns;
  }

  begin(transactionIndex: number, transaction: StructlogTransaction): void {
    this.transactionIndex = transactionIndex;
    this.transaction = transaction;
  }

  /** The row of a step that is neither call nor halt: its own gas and no more. */
  addPlain(step: Step, gasUsed: number, frames: OpenFrames): void {
    this.count++;
    const { columns } = this;
    if (columns === null) return;
    const row = this.add(columns, step, frames);
    columns.gasUsed[row] = gasUsed;
    columns.gasSelf[row] = gasUsed;
    if (step.error !== null) columns.errors.set(row, step.error);
  }

  addStep(step: Step, derived: DerivedStep, frames: OpenFrames): void {
    this.count++;
    const { columns } = this;
    if (columns === null) return;
    const row = this.add(columns, step, frames);
    columns.gasUsed[row] = derived.gasUsed;
    columns.gasSelf[row] = derived.gasSelf;
    if (derived.error !== null) columns.errors.set(row, derived.error);
    if (derived.callTo !== null) columns.callToAddresses.set(row, derived.callTo);
  }

  /** The row of a frame that ran no step: an account without code, a precompile, empty init code (2.5). */
  addSynthetic(call: Step, frameId: number, target: string | null, frames: OpenFrames): void {
    this.count++;
    const { columns } = this;
    if (columns === null) return;
    const row = this.append(columns, call.depth + 1);
    columns.index[row] = call.index;
    columns.pc[row] = call.pc;
    columns.operation[row] = 0;
    columns.gas[row] = 0;
    columns.gasCost[row] = 0;
    columns.gasUsed[row] = 0;
    columns.gasSelf[row] = 0;
    columns.depth[row] = call.depth + 1;
    columns.refund[row] = Number.NaN;
    columns.callFrameId[row] = frameId;
    const end = writePath(columns, row, frames, call.depth);
    columns.callFramePaths[end] = frameId;
    columns.pathOffsets[row + 1] = end + 1;
    if (target !== null) columns.callToAddresses.set(row, target);
  }

  private add(columns: StructlogColumns, step: Step, frames: OpenFrames): number {
    const { depth } = step;
    const row = this.append(columns, depth);
    columns.index[row] = step.index;
    columns.pc[row] = step.pc;
    columns.operation[row] = step.op;
    columns.gas[row] = step.gas;
    columns.gasCost[row] = step.cappedGasCost;
    columns.depth[row] = depth;
    columns.refund[row] = step.refund;
    if (step.refund === -1) columns.exactRefunds.set(row, step.exactRefund);
    columns.callFrameId[row] = frames.at(depth).id;
    columns.pathOffsets[row + 1] = writePath(columns, row, frames, depth);
    return row;
  }

  private append(columns: StructlogColumns, pathLength: number): number {
    reserveRow(columns, pathLength);
    const row = columns.length++;
    columns.transactionIndex[row] = this.transactionIndex;
    if (row === 0) columns.pathOffsets[0] = 0;
    if (row === 0 || columns.transactionIndex[row - 1] !== this.transactionIndex) {
      columns.transactions.set(this.transactionIndex, this.transaction!);
    }
    return row;
  }
}

/** Writes the ids from the root to `depth`; gives the offset after them. */
function writePath(
  columns: StructlogColumns,
  row: number,
  frames: OpenFrames,
  depth: number,
): number {
  let at = columns.pathOffsets[row]!;
  for (let level = 1; level <= depth; level++) {
    columns.callFramePaths[at++] = frames.at(level).id;
  }
  return at;
}
