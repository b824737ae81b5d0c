/**
 * Rows of `execution_structlog_agg` as columns, filled by the trace engine, read by the Native encoder.
 * Only [0, length) of each array counts. A frame's rows leave when it ends, its summary row (operation 0) first:
 * callees before their caller.
 */
export type StructlogAggColumns = {
  length: number;
  /** Position of the row's transaction in the block; its hash stands in `transactionHashes`. */
  transactionIndex: Uint32Array;
  callFrameId: Uint32Array;
  /** NULL where `depth` is 0 (the root). */
  parentCallFrameId: Uint32Array;
  /** Path of row i: callFramePaths[pathOffsets[i] .. pathOffsets[i + 1]). */
  pathOffsets: Uint32Array;
  callFramePaths: Uint32Array;
  /** 0-based; min_depth and max_depth are the same. */
  depth: Uint16Array;
  /** Of row i: 0x + 40 hex; null = NULL. */
  targetAddresses: (string | null)[];
  /** Index into `operationNames`: the opcode that opened the frame; 0 is "" (the root). */
  callType: Uint16Array;
  /** Index into `operationNames`; 0 is "" (a summary row). */
  operation: Uint16Array;
  operationNames: readonly string[];
  /** Whole numbers below 2^53, as all Float64 columns here; where NaN is said to be NULL it stands for that. */
  opcodeCount: Float64Array;
  errorCount: Float64Array;
  gas: Float64Array;
  gasCumulative: Float64Array;
  /** NaN = NULL. */
  gasRefund: Float64Array;
  /** NaN = NULL. */
  intrinsicGas: Float64Array;
  /** NaN = NULL; the four sums of words are NULL together. */
  memoryWordsSumBefore: Float64Array;
  memoryWordsSumAfter: Float64Array;
  /** Can pass 2^53, so exact; NULL where memoryWordsSumBefore is. */
  memoryWordsSqSumBefore: BigUint64Array;
  memoryWordsSqSumAfter: BigUint64Array;
  /** NaN = NULL. */
  memoryExpansionGas: Float64Array;
  /** NaN = NULL. */
  coldAccessCount: Float64Array;
  /** 0x + hex by transactionIndex, of each transaction that has rows here. */
  transactionHashes: Map<number, string>;
};

const INITIAL_ROWS = 64;

/** Empty columns; `operationNames` is shared with the scan, which may add names. */
export function createStructlogAggColumns(operationNames: readonly string[]): StructlogAggColumns {
  return {
    length: 0,
    transactionIndex: new Uint32Array(INITIAL_ROWS),
    callFrameId: new Uint32Array(INITIAL_ROWS),
    parentCallFrameId: new Uint32Array(INITIAL_ROWS),
    pathOffsets: new Uint32Array(INITIAL_ROWS + 1),
    callFramePaths: new Uint32Array(INITIAL_ROWS),
    depth: new Uint16Array(INITIAL_ROWS),
    targetAddresses: [],
    callType: new Uint16Array(INITIAL_ROWS),
    operation: new Uint16Array(INITIAL_ROWS),
    operationNames,
    opcodeCount: new Float64Array(INITIAL_ROWS),
    errorCount: new Float64Array(INITIAL_ROWS),
    gas: new Float64Array(INITIAL_ROWS),
    gasCumulative: new Float64Array(INITIAL_ROWS),
    gasRefund: new Float64Array(INITIAL_ROWS),
    intrinsicGas: new Float64Array(INITIAL_ROWS),
    memoryWordsSumBefore: new Float64Array(INITIAL_ROWS),
    memoryWordsSumAfter: new Float64Array(INITIAL_ROWS),
    memoryWordsSqSumBefore: new BigUint64Array(INITIAL_ROWS),
    memoryWordsSqSumAfter: new BigUint64Array(INITIAL_ROWS),
    memoryExpansionGas: new Float64Array(INITIAL_ROWS),
    coldAccessCount: new Float64Array(INITIAL_ROWS),
    transactionHashes: new Map(),
  };
}

/** Takes all rows away and keeps the room. Idempotent. */
export function clearStructlogAggColumns(columns: StructlogAggColumns): void {
  columns.length = 0;
  columns.targetAddresses.length = 0;
  columns.transactionHashes.clear();
}

/** Makes room for one more row whose path has `pathLength` ids. */
export function reserveAggRow(columns: StructlogAggColumns, pathLength: number): void {
  const { length } = columns;
  if (length === columns.gas.length) growRows(columns, length * 2);
  const pathEnd = length === 0 ? 0 : columns.pathOffsets[length]!;
  if (pathEnd + pathLength > columns.callFramePaths.length) {
    const size = Math.max(columns.callFramePaths.length * 2, pathEnd + pathLength);
    columns.callFramePaths = copied(columns.callFramePaths, new Uint32Array(size));
  }
}

function growRows(columns: StructlogAggColumns, size: number): void {
  const numbers = (from: Float64Array) => copied(from, new Float64Array(size));
  const integers = (from: Uint32Array) => copied(from, new Uint32Array(size));
  const shorts = (from: Uint16Array) => copied(from, new Uint16Array(size));
  columns.transactionIndex = integers(columns.transactionIndex);
  columns.callFrameId = integers(columns.callFrameId);
  columns.parentCallFrameId = integers(columns.parentCallFrameId);
  columns.pathOffsets = copied(columns.pathOffsets, new Uint32Array(size + 1));
  columns.depth = shorts(columns.depth);
  columns.callType = shorts(columns.callType);
  columns.operation = shorts(columns.operation);
  columns.opcodeCount = numbers(columns.opcodeCount);
  columns.errorCount = numbers(columns.errorCount);
  columns.gas = numbers(columns.gas);
  columns.gasCumulative = numbers(columns.gasCumulative);
  columns.gasRefund = numbers(columns.gasRefund);
  columns.intrinsicGas = numbers(columns.intrinsicGas);
  columns.memoryWordsSumBefore = numbers(columns.memoryWordsSumBefore);
  columns.memoryWordsSumAfter = numbers(columns.memoryWordsSumAfter);
  columns.memoryWordsSqSumBefore = bigints(columns.memoryWordsSqSumBefore, size);
  columns.memoryWordsSqSumAfter = bigints(columns.memoryWordsSqSumAfter, size);
  columns.memoryExpansionGas = numbers(columns.memoryExpansionGas);
  columns.coldAccessCount = numbers(columns.coldAccessCount);
}

function bigints(from: BigUint64Array, size: number): BigUint64Array<ArrayBuffer> {
  const to = new BigUint64Array(size);
  to.set(from);
  return to;
}

function copied<T extends Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
