import { monitorEventLoopDelay } from "node:perf_hooks";
import { fetchToNowhere } from "./fetch-to-nowhere.ts";
import { openIndexer } from "./indexer.ts";
import { openNaivePipeline } from "./naive-pipeline.ts";
import type { Done, Task, TaskOf, TaskResult } from "./task.ts";

// A process that does tasks which come as messages, one at a time: `tasks.ts SETTING`.

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
