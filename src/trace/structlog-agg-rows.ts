import { coldAccesses } from "./cold-access.ts";
import type { FrameTotals, Totals } from "./frame-totals.ts";
import { expansionGas } from "./memory.ts";
import { EXTCODECOPY } from "./opcodes.ts";
import type { OpenFrame, OpenFrames } from "./open-frames.ts";
import type { Step } from "./step.ts";
import { reserveAggRow, type StructlogAggColumns } from "./structlog-agg-columns.ts";

/** What can be known of the steps of a block; the rest is NULL. */
export type AggKnowledge = {
  /** Operands: memory, and the accesses of CALL* and EXTCODECOPY. */
  readonly stacks: boolean;
  /** Cold accesses: from Berlin on, under a fork whose gas rules are known. */
  readonly coldAccesses: boolean;
  /** Gas of growing memory: where the gas rules are known. */
  readonly expansionGas: boolean;
};

/** A frame that ended, as its rows tell it. */
export type EndedFrameRow = {
  readonly id: number;
  /** EVM depth, root = 1. */
  readonly depth: number;
  readonly target: string | null;
  /** Operation id of the opcode that opened it; 0 for the root. */
  readonly callType: number;
  readonly failed: boolean;
  readonly gas: number;
  readonly gasCumulative: number;
  /** Of the root: NaN = NULL. */
  readonly gasRefund?: number;
  readonly intrinsicGas?: number;
};

/** Sums the steps of open frames and appends the rows of those that end (traces, section 3). */
export class StructlogAggRows {
  readonly columns: StructlogAggColumns;
  /** Rows appended so far. */
  count = 0;
  private readonly knowledge: AggKnowledge;
  private transactionIndex = -1;
  private transactionHash = "";

  constructor(columns: StructlogAggColumns, knowledge: AggKnowledge) {
    this.columns = columns;
    this.knowledge = knowledge;
  }

  begin(transactionIndex: number, transactionHash: string): void {
    this.transactionIndex = transactionIndex;
    this.transactionHash = transactionHash;
  }

  /** A step that is no call and did not halt itself; the memory of its frame has grown already. */
  addPlain(step: Step, frame: OpenFrame, gasUsed: number, wordsBefore: number): void {
    const wordsAfter = frame.memoryWords;
    const growth = wordsAfter === wordsBefore ? 0 : expansionGas(wordsBefore, wordsAfter);
    const totals = frame.totals.of(step.op);
    totals.addStep(gasUsed, gasUsed);
    totals.addMemory(wordsBefore, wordsAfter, growth);
    totals.coldAccesses += this.coldAccesses(step, growth);
  }

  /** A step that halted: it expands nothing and its access is not counted. */
  addHalt(step: Step, frame: OpenFrame): void {
    const totals = frame.totals.of(step.op);
    totals.addStep(step.gas, step.gas);
    totals.addMemory(frame.memoryWords, frame.memoryWords, 0);
    totals.errors++;
  }

  /** A call or creation that came back to `frame`. */
  addCall(
    operation: number,
    frame: OpenFrame,
    { gas, gasUsed }: { readonly gas: number; readonly gasUsed: number },
  ): void {
    const { callWordsBefore: wordsBefore, memoryWords: wordsAfter } = frame;
    const totals = frame.totals.of(operation);
    totals.addStep(gas, gasUsed);
    totals.addMemory(wordsBefore, wordsAfter, expansionGas(wordsBefore, wordsAfter));
    totals.coldAccesses += frame.callColdAccesses;
  }

  /** The rows of a frame whose steps stand in `totals`. */
  addFrame(row: EndedFrameRow, totals: FrameTotals, frames: OpenFrames): void {
    this.addSummary(row, totals.ofFrame(), frames);
    for (let index = 0; index < totals.size; index++) {
      this.addOperation(row, totals.at(index), frames);
    }
  }

  /** The row of a frame without steps. */
  addEmptyFrame(row: EndedFrameRow, frames: OpenFrames): void {
    this.addSummary(row, null, frames);
  }

  private addSummary(frame: EndedFrameRow, sums: Totals | null, frames: OpenFrames): void {
    const { columns } = this;
    const row = this.append(frame, frames);
    columns.operation[row] = 0;
    columns.opcodeCount[row] = sums?.count ?? 0;
    columns.errorCount[row] = frame.failed ? 1 : 0;
    columns.gas[row] = frame.gas;
    columns.gasCumulative[row] = frame.gasCumulative;
    columns.gasRefund[row] = frame.gasRefund ?? 0;
    columns.intrinsicGas[row] = frame.intrinsicGas ?? Number.NaN;
    this.setMemoryAndAccesses(row, sums);
  }

  private addOperation(frame: EndedFrameRow, sums: Totals, frames: OpenFrames): void {
    const { columns } = this;
    const row = this.append(frame, frames);
    columns.operation[row] = sums.operation;
    columns.opcodeCount[row] = sums.count;
    columns.errorCount[row] = sums.errors;
    columns.gas[row] = sums.gas;
    columns.gasCumulative[row] = sums.gasCumulative;
    columns.gasRefund[row] = 0;
    columns.intrinsicGas[row] = Number.NaN;
    this.setMemoryAndAccesses(row, sums);
  }

  private setMemoryAndAccesses(row: number, sums: Totals | null): void {
    const { columns, knowledge } = this;
    const knowsMemory = knowledge.stacks || sums === null;
    columns.memoryWordsSumBefore[row] = knowsMemory ? (sums?.wordsBefore ?? 0) : Number.NaN;
    columns.memoryWordsSumAfter[row] = knowsMemory ? (sums?.wordsAfter ?? 0) : Number.NaN;
    columns.memoryWordsSqSumBefore[row] = sums?.exactSquaresBefore ?? 0n;
    columns.memoryWordsSqSumAfter[row] = sums?.exactSquaresAfter ?? 0n;
    columns.memoryExpansionGas[row] =
      knowledge.expansionGas && knowsMemory ? (sums?.expansionGas ?? 0) : Number.NaN;
    columns.coldAccessCount[row] = knowledge.coldAccesses ? (sums?.coldAccesses ?? 0) : Number.NaN;
  }

  private coldAccesses(step: Step, growth: number): number {
    return step.op === EXTCODECOPY && !this.knowledge.stacks
      ? Number.NaN
      : coldAccesses(step, growth);
  }

  private append(frame: EndedFrameRow, frames: OpenFrames): number {
    const { columns } = this;
    reserveAggRow(columns, frame.depth);
    const row = columns.length++;
    this.count++;
    if (row === 0) columns.pathOffsets[0] = 0;
    columns.transactionIndex[row] = this.transactionIndex;
    columns.transactionHashes.set(this.transactionIndex, this.transactionHash);
    columns.callFrameId[row] = frame.id;
    columns.depth[row] = frame.depth - 1;
    columns.targetAddresses[row] = frame.target;
    columns.callType[row] = frame.callType;
    let at = columns.pathOffsets[row]!;
    columns.parentCallFrameId[row] = 0;
    for (let level = 1; level < frame.depth; level++) {
      const { id } = frames.at(level);
      columns.callFramePaths[at++] = id;
      columns.parentCallFrameId[row] = id;
    }
    columns.callFramePaths[at++] = frame.id;
    columns.pathOffsets[row + 1] = at;
    return row;
  }
}
