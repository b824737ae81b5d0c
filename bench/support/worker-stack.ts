import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/clickhouse/embedded/start.ts";
import { openSession } from "../../src/client/session.ts";
import { type RunningProcess, startProcess } from "../../src/dev/processes.ts";
import { projectRoot } from "../../src/dev/project-root.ts";
import { StopList } from "../../src/dev/stop-list.ts";
import { resolveTemporalCli } from "../../src/dev/temporal-cli.ts";
import { startTemporal } from "../../src/dev/temporal-server.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { Bench } from "../benchmark.ts";
import { database } from "./clickhouse.ts";

/** The product as it is run: Temporal, ClickHouse and a worker with the prebuilt bundle, a process each. */
export type WorkerStack = {
  readonly client: Client;
  readonly clickhouse: EmbeddedServer;
  readonly worker: RunningProcess;
  readonly network: string;
  readonly stop: () => Promise<void>;
  /** What the worker noted of itself since a time, 4 times a second. */
  readonly notesSince: (atMs: number) => Promise<readonly WorkerNote[]>;
};
export type WorkerNote = {
  readonly at: number;
  readonly blockMs: number;
  /** CPU since the process began. */
  readonly cpuMs: number;
  readonly rss: number;
};

const network = "bench";

/** Starts all of it against a node and waits until the worker is ready. */
export async function startWorkerStack(bench: Bench, rpcUrl: string): Promise<WorkerStack> {
  const stops = new StopList();
  const stop = () => stops.stopAll();
  bench.stops.add(stop);
  const folder = await mkdtemp(join(bench.folder, "stack-"));
  const logs = join(folder, "logs");
  const cli = await resolveTemporalCli({ root: projectRoot, report: bench.say });
  const temporal = await startTemporal({
    cli,
    dbFilename: join(folder, "temporal.db"),
    logFile: join(logs, "temporal.log"),
  });
  stops.add(temporal.stop);
  const clickhouse = await startEmbeddedServer({ dataDir: join(folder, "clickhouse") });
  stops.add(() => clickhouse.stop());
  const env = {
    NETWORK: network,
    RPC_URL: rpcUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: database,
    LOG_LEVEL: "info",
  };
  const loopFile = join(folder, "event-loop.jsonl");
  const preload = join(projectRoot, "bench", "programs", "watch-event-loop.mjs");
  const worker = startProcess({
    name: "the worker",
    command: process.execPath,
    args: [`--import=${preload}`, join(projectRoot, "dist", "worker.js")],
    env: { ...env, BENCH_LOOP_FILE: loopFile },
    cwd: projectRoot,
    logFile: join(logs, "worker.log"),
  });
  stops.add(() => worker.stop(20_000));
  await waitUntil(() => worker.output().includes("Worker is ready"), {
    what: "the worker to be ready",
    timeoutMs: 120_000,
    everyMs: 100,
    process: worker,
  });
  const { context, close } = openSession({ network }, { ...process.env, ...env });
  stops.add(close);
  return {
    client: await context.temporal(),
    clickhouse,
    worker,
    network,
    stop,
    async notesSince(atMs) {
      const lines = (await readFile(loopFile, "utf8")).trim().split("\n");
      const notes = lines.map((line): WorkerNote => JSON.parse(line));
      return notes.filter(({ at }) => at >= atMs);
    },
  };
}
