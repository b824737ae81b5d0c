import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Processor } from "../../src/domain/processor.ts";
import { fetchToNowhere } from "./fetch-to-nowhere.ts";
import { openIndexer } from "./indexer.ts";
import { openNaivePipeline } from "./naive-pipeline.ts";

// A process that does tasks which come as messages, one at a time: `tasks.ts SETTING`.

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

const setting: TaskOf = JSON.parse(process.argv[2] ?? "{}");
const workers: Readonly<Record<Task["kind"], (task: Task) => Promise<Done>>> = {
  index: openIndexer(setting),
  naive: openNaivePipeline(setting),
  fetch: (task) => fetchToNowhere(setting, task),
};

async function measure(task: Task): Promise<TaskResult> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const done = await workers[task.kind](task);
  const seconds = (performance.now() - startedAt) / 1000;
  const used = process.cpuUsage(cpu);
  delay.disable();
  return {
    ...done,
    seconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    blocks: task.toBlock - task.fromBlock + 1,
    longestBlockMs: delay.max / 1e6,
    peakMemoryMb: process.resourceUsage().maxRSS / 1024,
  };
}

process.on("message", (task: Task) => {
  measure(task).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
