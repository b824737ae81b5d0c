import { setTimeout as sleep } from "node:timers/promises";
import type { TestStack } from "../integration/stack/stack.ts";

/** Our own processes: two workers and the HTTP API. What is killed has an heir at once. */
export type Programs = {
  readonly killWorker: (place: number) => Promise<void>;
  /** Longer than its heartbeats may be away: it wakes as a zombie beside its heir. */
  readonly freezeWorker: (place: number) => Promise<void>;
  readonly killServer: () => Promise<void>;
  /** @throws {Error} When the API does not take the blocks. */
  readonly requeue: (blocks: readonly string[]) => Promise<void>;
};

const workerEnv = {
  FINALITY_DEPTH: "64",
  RETRY_INITIAL_DELAY_MS: "1000",
  RETRY_MAXIMUM_DELAY_MS: "4000",
  TRACE_TIMEOUT_MS: "4000",
};
const frozenMs = 15_000;

export async function startPrograms(stack: TestStack, network: string): Promise<Programs> {
  const startWorker = () => stack.startWorker(network, workerEnv);
  // One after another: they would apply the migrations at the same time.
  const workers = [await startWorker(), await startWorker()];
  let server = await stack.startServer(network);
  return {
    async killWorker(place) {
      await workers[place]?.kill();
      workers[place] = await startWorker();
    },
    async freezeWorker(place) {
      const pid = workers[place]?.pid;
      if (pid === undefined) return;
      process.kill(pid, "SIGSTOP");
      try {
        await sleep(frozenMs);
      } finally {
        process.kill(pid, "SIGCONT");
      }
    },
    async killServer() {
      await server.kill();
      server = await stack.startServer(network);
    },
    async requeue(blocks) {
      const response = await fetch(`${server.url}/api/v1/queue/blocks/structlog`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ blocks, reason: "chaos" }),
      });
      if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    },
  };
}
