import type { Processor } from "../../src/domain/processor.ts";

/** What all tasks of a process work on. */
export type TaskOf = {
  readonly rpcUrl: string;
  readonly clickhouseUrl: string;
  readonly database: string;
  readonly network: string;
  /** structlog_agg wants stacks in the trace; without it the lean form is asked for. */
  readonly processors: readonly Processor[];
};
export type Task = {
  /** The block job itself; the same traces thrown away; viem, JSON.parse and JSONEachRow. */
  readonly kind: "index" | "fetch" | "naive";
  readonly fromBlock: number;
  readonly toBlock: number;
  /** Of "fetch": blocks at a time. Default 1. */
  readonly inFlight?: number;
};
export type TaskResult = {
  readonly seconds: number;
  /** CPU of this process, all its threads. */
  readonly cpuSeconds: number;
  readonly blocks: number;
  /** Rows of execution_structlog; 0 where none are made. */
  readonly rows: number;
  readonly bytes: number;
  readonly longestBlockMs: number;
  readonly peakMemoryMb: number;
};
/** What a task says of itself. */
export type Done = Pick<TaskResult, "rows" | "bytes">;
