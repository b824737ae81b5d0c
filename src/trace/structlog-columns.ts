import { knownOperationNames } from "./opcodes.ts";

/**
 * Rows of `execution_structlog` as columns, filled by the trace engine, read by the Native encoder.
 * Only [0, length) of each array counts. Order of rows is free: a call's row leaves after those of its callee.
 */
export type StructlogColumns = {
  length: number;
  /** Position of the row's transaction in the block; constants of a transaction stand in `transactions`. */
  transactionIndex: Uint32Array;
  index: Uint32Array;
  pc: Uint32Array;
  /** Index into `operationNames`; 0 is "" (a synthetic row). */
  operation: Uint16Array;
  operationNames: string[];
  /** Whole numbers below 2^53. */
  gas: Float64Array;
  gasCost: Float64Array;
  gasUsed: Float64Array;
  gasSelf: Float64Array;
  depth: Uint16Array;
  /** NaN = NULL; -1 = the exact value stands in `exactRefunds`. */
  refund: Float64Array;
  /** row -> UInt64 above 2^53. */
  exactRefunds: Map<number, bigint>;
  /** row -> text; absent = NULL. */
  errors: Map<number, string>;
  /** row -> 0x + 40 hex; absent = NULL. */
  callToAddresses: Map<number, string>;
  callFrameId: Uint32Array;
  /** Path of row i: callFramePaths[pathOffsets[i] .. pathOffsets[i + 1]). */
  pathOffsets: Uint32Array;
  callFramePaths: Uint32Array;
  /** Constants of each transaction of the block that has rows here, by transactionIndex. */
  transactions: Map<number, StructlogTransaction>;
};

export type StructlogTransaction = {
  readonly hash: string;
  /** Receipt's gasUsed. */
  readonly gasUsed: number;
  readonly failed: boolean;
  /** 0x + hex; null when empty. */
  readonly returnValue: string | null;
};

/** Few: a light block has some hundreds of rows, and room is made anew for every block. */
const INITIAL_ROWS = 256;

/** Empty columns; `operationNames` holds the known opcodes, a scan may add names. */
export function createStructlogColumns(
  operationNames: string[] = [...knownOperationNames],
): StructlogColumns {
  return {
    length: 0,
    transactionIndex: new Uint32Array(INITIAL_ROWS),
    index: new Uint32Array(INITIAL_ROWS),
    pc: new Uint32Array(INITIAL_ROWS),
    operation: new Uint16Array(INITIAL_ROWS),
    operationNames,
    gas: new Float64Array(INITIAL_ROWS),
    gasCost: new Float64Array(INITIAL_ROWS),
    gasUsed: new Float64Array(INITIAL_ROWS),
    gasSelf: new Float64Array(INITIAL_ROWS),
    depth: new Uint16Array(INITIAL_ROWS),
    refund: new Float64Array(INITIAL_ROWS),
    exactRefunds: new Map(),
    errors: new Map(),
    callToAddresses: new Map(),
    callFrameId: new Uint32Array(INITIAL_ROWS),
    pathOffsets: new Uint32Array(INITIAL_ROWS + 1),
    callFramePaths: new Uint32Array(INITIAL_ROWS),
    transactions: new Map(),
  };
}

/** Takes all rows away and keeps the room. Idempotent. */
export function clearStructlogColumns(columns: StructlogColumns): void {
  columns.length = 0;
  columns.exactRefunds.clear();
  columns.errors.clear();
  columns.callToAddresses.clear();
  columns.transactions.clear();
}

/** Makes room for one more row whose path has `pathLength` ids. */
export function reserveRow(columns: StructlogColumns, pathLength: number): void {
  const { length } = columns;
  if (length === columns.index.length) growRows(columns, length * 2);
  const pathEnd = length === 0 ? 0 : columns.pathOffsets[length]!;
  if (pathEnd + pathLength > columns.callFramePaths.length) {
    const size = Math.max(columns.callFramePaths.length * 2, pathEnd + pathLength);
    columns.callFramePaths = copied(columns.callFramePaths, new Uint32Array(size));
  }
}

function growRows(columns: StructlogColumns, size: number): void {
  columns.transactionIndex = copied(columns.transactionIndex, new Uint32Array(size));
  columns.index = copied(columns.index, new Uint32Array(size));
  columns.pc = copied(columns.pc, new Uint32Array(size));
  columns.operation = copied(columns.operation, new Uint16Array(size));
  columns.gas = copied(columns.gas, new Float64Array(size));
  columns.gasCost = copied(columns.gasCost, new Float64Array(size));
  columns.gasUsed = copied(columns.gasUsed, new Float64Array(size));
  columns.gasSelf = copied(columns.gasSelf, new Float64Array(size));
  columns.depth = copied(columns.depth, new Uint16Array(size));
  columns.refund = copied(columns.refund, new Float64Array(size));
  columns.callFrameId = copied(columns.callFrameId, new Uint32Array(size));
  columns.pathOffsets = copied(columns.pathOffsets, new Uint32Array(size + 1));
}

function copied<T extends Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
