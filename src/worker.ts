import { randomBytes } from "node:crypto";
import { Client, WorkflowNotFoundError } from "@temporalio/client";
import type { Logger } from "@temporalio/common";
import type { NativeConnection, Worker } from "@temporalio/worker";
import { createActivities } from "./activities/index.ts";
import type { Dependencies, Meters, NetworkStore } from "./activities/ports.ts";
import { type ClickHouse, createClickHouse } from "./clickhouse/client.ts";
import { createLedger } from "./clickhouse/ledger.ts";
import { migrate } from "./clickhouse/migrate.ts";
import { createNetworkStore } from "./clickhouse/networks.ts";
import { createRangeStore } from "./clickhouse/ranges.ts";
import { createRecountStore } from "./clickhouse/recount-cursor.ts";
import { createRowStore } from "./clickhouse/rows.ts";
import { startGapFill } from "./client/jobs.ts";
import { type Config, loadConfig } from "./config/load-config.ts";
import { expectedChainId, findNetwork } from "./config/networks.ts";
import { redact } from "./domain/redact.ts";
import { AppError, ConfigError, JobInputDiffersError, TemporalUnavailableError } from "./errors.ts";
import { createLogger } from "./observability/logger.ts";
import { installRuntime } from "./observability/runtime.ts";
import { waitWhileAway } from "./observability/wait-while-away.ts";
import { createWebhook } from "./observability/webhook.ts";
import { createNetworks, type OpenNetworkFor } from "./rpc/networks.ts";
import type { NodeMeters, NodeReport } from "./rpc/node-meters.ts";
import { connectWorker } from "./temporal/connect-worker.ts";
import { createWorkers } from "./temporal/create-workers.ts";
import { isServerAway } from "./temporal/grpc-status.ts";
import { registerSearchAttributes } from "./temporal/register-search-attributes.ts";
import { traceEngine } from "./trace/trace-engine.ts";
import { workflowIds } from "./workflows/messages.ts";

/** What lasts as long as the process. */
type Process = {
  readonly config: Config;
  readonly logger: Logger;
  readonly meters: Meters & NodeMeters;
  /** SIGINT or SIGTERM came. */
  readonly signal: AbortSignal;
};

async function main(signal: AbortSignal): Promise<void> {
  const config = loadConfig();
  if (config.networks.length === 0) {
    throw new ConfigError("No network is configured.", {
      fix: "set NETWORK and RPC_URL, or write blockloom.yaml (examples/blockloom.yaml).",
    });
  }
  const logger = createLogger(config.logging);
  const meters = installRuntime(logger, config.metrics.address);
  const process = { config, logger, meters, signal };

  const clickhouse = await openStorage(process);
  const networks = await openNetworks(process, createNetworkStore(clickhouse));
  const connection = await openTemporal(process);
  const { namespace } = config.temporal;
  const dependencies = createDependencies(
    process,
    clickhouse,
    new Client({ connection, namespace }),
  );
  const workers = await createWorkers({
    connection,
    namespace,
    networks: config.networks.map(({ name }) => name),
    slots: config.worker,
    activitiesFor: (role) =>
      createActivities(
        { ...dependencies, network: async (name) => (await networks(name, role)).network },
        traceEngine,
      ),
  });
  logger.info("Worker is ready", { queues: workers.map(({ options }) => options.taskQueue) });
  try {
    await runAll(workers);
  } finally {
    await connection.close();
    await clickhouse.close();
  }
  logger.info("Worker has stopped");
}

/** Applies the migrations that wait, as soon as ClickHouse answers. */
async function openStorage(process: Process): Promise<ClickHouse> {
  const { config, logger } = process;
  const applied = await waitFor(process, "ClickHouse", () => migrate(config.clickhouse));
  if (applied.length > 0) logger.info("Applied migrations", { migrations: applied });
  return createClickHouse(config.clickhouse);
}

/** Probes a node of each network and binds the network to its chain. */
async function openNetworks(process: Process, store: NetworkStore): Promise<OpenNetworkFor> {
  const { config, logger, meters } = process;
  const report = (nodeReport: NodeReport) => logNode(logger, nodeReport);
  const networks = createNetworks(config, expectedChainId, { meters, report });
  for (const { name } of config.networks) {
    const { network, chain, capabilities } = await waitFor(
      process,
      `an execution node of ${name}`,
      () => networks(name, "bulk"),
    );
    const { chainId, genesisHash, clientVersion } = chain;
    await waitFor(process, "ClickHouse", () => store.bind({ network: name, chainId, genesisHash }));
    for (const [node, facts] of Object.entries(capabilities)) {
      logger.info(facts ? "Node is open" : "Node is away", { network: name, node, ...facts });
    }
    logger.info("Network is open", {
      network: name,
      node: network.node.name,
      chainId,
      clientVersion,
    });
  }
  return networks;
}

/** An operator reads here which node is away, lies, or must not be used. */
function logNode(logger: Logger, { state, ...facts }: NodeReport): void {
  const isWell = state === "serving" && facts.reason === "it answers";
  const message = { serving: "Node", away: "Node is away", refused: "Node is refused" }[state];
  logger.log(isWell ? "INFO" : "WARN", isWell ? "Node is back" : message, facts);
}

/** Connects, and registers the search attributes that workflows write. */
function openTemporal(process: Process): Promise<NativeConnection> {
  const { temporal } = process.config;
  return waitFor(process, `Temporal at ${temporal.address}`, async () => {
    const connection = await connectWorker(temporal);
    try {
      await registerSearchAttributes(connection.operatorService, temporal.namespace);
      return connection;
    } catch (error) {
      await connection.close();
      const reason = "it went away again";
      throw isServerAway(error)
        ? new TemporalUnavailableError({ address: temporal.address, reason })
        : error;
    }
  });
}

function createDependencies(
  { config, meters }: Process,
  clickhouse: ClickHouse,
  client: Client,
): Omit<Dependencies, "network"> {
  return {
    rows: createRowStore(clickhouse),
    ledger: createLedger(clickhouse),
    ranges: createRangeStore(clickhouse),
    networks: createNetworkStore(clickhouse),
    recounts: createRecountStore(clickhouse),
    meters,
    ...openAnnouncer(config),
    async ensureGapFill(name) {
      const { processors } = findNetwork(config, name);
      try {
        return await startGapFill(client, { network: name, processors });
      } catch (error) {
        // One that was started by hand with settings of its own does the work as well.
        if (!(error instanceof JobInputDiffersError)) throw error;
        return { workflowId: workflowIds.gapFill(name), started: false };
      }
    },
    async isWorkflowOpen(workflowId) {
      try {
        const { status } = await client.workflow.getHandle(workflowId).describe();
        return status.name === "RUNNING";
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
    now: () => new Date(),
    newAttemptId: () => randomBytes(8).readBigUInt64BE().toString(),
  };
}

function openAnnouncer({ webhook: { url, secret } }: Config): Pick<Dependencies, "announcer"> {
  return url === null || secret === null ? {} : { announcer: createWebhook({ url, secret }) };
}

function waitFor<Answer>(
  { logger, signal }: Process,
  what: string,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  return waitWhileAway(ask, { what, logger, signal });
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
