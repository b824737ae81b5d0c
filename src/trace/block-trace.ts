// Contract sketch: the owner of src/trace replaces this file; names and shapes stay.
import type { RpcBlock, RpcReceipt } from "../domain/chain.ts";
import type { Fork } from "../domain/fork.ts";
import type { StructlogColumns } from "./structlog-columns.ts";

export type BlockTraceInput = {
  readonly block: RpcBlock;
  readonly receipts: readonly RpcReceipt[];
  /** null = unknown: the block ends unverified. */
  readonly fork: Fork | null;
  /** `web3_clientVersion`: chooses the quirks of a client. */
  readonly clientVersion: string;
};

/** What the proof says of a block. */
export type BlockProof = {
  readonly proof: "proven" | "unverified";
  /** What was checked, and what could not be and why; stored as JSON. */
  readonly detail: {
    readonly checked: readonly string[];
    readonly unverified: readonly { check: string; why: string }[];
  };
  readonly structlogCount: number;
  /** Steps of each transaction, by position. */
  readonly structlogCounts: readonly number[];
  /** Rows of execution_structlog: steps and synthetic frames. */
  readonly structlogRows: number;
};

/**
 * Thrown when the bytes are no trace (syntax, shape, an error of the node in place of a result) or contradict
 * the block. `kind` is booked to the block.
 */
export declare class TraceRejected extends Error {
  readonly kind: "trace_malformed" | "trace_refused" | "proof_mismatch";
  readonly check: string;
}

/**
 * One pass over one block: first all bytes of the callTracer answer, then all bytes of the struct logger's,
 * each as the whole JSON-RPC response. Memory is constant but for open calls and the table of frames.
 */
export interface BlockTrace {
  scanCalls(chunk: Uint8Array): void;
  endCalls(): void;
  /** Appends the rows whose step is resolved to `columns`; the caller empties them between two chunks. */
  scanSteps(chunk: Uint8Array): void;
  /** Appends the last rows and gives the verdict. */
  endSteps(): BlockProof;
  readonly columns: StructlogColumns;
}

export declare function createBlockTrace(input: BlockTraceInput): BlockTrace;
