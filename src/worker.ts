import type { Worker } from "@temporalio/worker";
import type { ClickHouse } from "./clickhouse/client.ts";
import { loadConfig } from "./config/load-config.ts";
import type { WorkerRole } from "./config/schema.ts";
import { redact } from "./domain/redact.ts";
import { AppError, ConfigError } from "./errors.ts";
import { createLogger } from "./observability/logger.ts";
import { installRuntime } from "./observability/runtime.ts";
import { openIndexing } from "./worker/open-indexing.ts";
import { openSigning, openStaking } from "./worker/open-staking.ts";
import {
  type CreateWorkers,
  openStorage,
  openTemporal,
  type WorkerProcess,
} from "./worker/worker-process.ts";

async function main(signal: AbortSignal): Promise<void> {
  const config = loadConfig();
  if (config.worker.roles.length === 0) {
    throw new ConfigError("No network and no staking service is configured.", {
      fix: "set NETWORK and RPC_URL, or STAKING_ADDRESS and CHAIN_RPC_URL, or write blockloom.yaml (examples/blockloom.yaml).",
    });
  }
  const logger = createLogger(config.logging);
  const meters = installRuntime(logger, config.metrics.address);
  const process = { config, logger, meters, signal };
  for (const { name, instead } of config.idleVariables) {
    logger.info("A variable has no effect here", { variable: name, instead });
  }

  const { roles } = config.worker;
  // A process that only signs has no use for it, and no way to it.
  const clickhouse = roles.some((role) => role !== "sign") ? await openStorage(process) : null;
  const parts = await openRoles(process, clickhouse);
  const connection = await openTemporal(process);
  const created = await Promise.all(parts.map((createWorkers) => createWorkers(connection)));
  const workers = created.flat();
  logger.info("Worker is ready", { queues: workers.map(({ options }) => options.taskQueue) });
  try {
    await runAll(workers);
  } finally {
    await connection.close();
    await clickhouse?.close();
  }
  logger.info("Worker has stopped");
}

/** What the process does, in the order in which it waits for what it needs. */
async function openRoles(
  process: WorkerProcess,
  clickhouse: ClickHouse | null,
): Promise<CreateWorkers[]> {
  const { staking, worker } = process.config;
  const parts: CreateWorkers[] = [];
  const does = (role: WorkerRole) => worker.roles.includes(role);
  if (clickhouse && does("index")) parts.push(await openIndexing(process, clickhouse));
  if (clickhouse && staking && does("stake")) {
    parts.push(await openStaking(process, staking, clickhouse));
  }
  if (staking && does("sign")) parts.push(await openSigning(process, staking));
  return parts;
}

/** The SDK stops its workers at SIGINT and SIGTERM; one that fails takes the others with it. */
async function runAll(workers: readonly Worker[]): Promise<void> {
  const running = workers.map((worker) => worker.run());
  try {
    await Promise.all(running);
  } catch (error) {
    for (const worker of workers) {
      if (worker.getState() === "RUNNING") worker.shutdown();
    }
    await Promise.allSettled(running);
    throw error;
  }
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
try {
  await main(stop.signal);
} catch (error) {
  const isStopped = stop.signal.aborted;
  if (!isStopped) console.error(error instanceof AppError ? error.message : redact(String(error)));
  // The SDK's runtime would keep the process alive; nothing of ours is left to finish.
  process.exit(isStopped ? 0 : 1);
}
