// Contract sketch: the owner of src/trace completes this file (growth, clear, tests).

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
