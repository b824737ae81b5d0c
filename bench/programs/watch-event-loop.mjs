// Preloaded into a worker process: writes how long its main thread's event loop was blocked at most, 4 times a second.
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

const file = process.env.BENCH_LOOP_FILE;
if (isMainThread && file) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  setInterval(() => {
    const { rss, external, arrayBuffers, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const line = { at: Date.now(), blockMs: delay.max / 1e6, cpuMs: (user + system) / 1000, rss, heapUsed, external, arrayBuffers };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
    delay.reset();
  }, 250).unref();
}
