import { randomBytes } from "node:crypto";
import { Client, WorkflowNotFoundError } from "@temporalio/client";
import type { Logger } from "@temporalio/common";
import { createActivities } from "../activities/index.ts";
import type { Dependencies, NetworkStore } from "../activities/ports.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import { createLedger } from "../clickhouse/ledger.ts";
import { createNetworkStore } from "../clickhouse/networks.ts";
import { createRangeStore } from "../clickhouse/ranges.ts";
import { createRecountStore } from "../clickhouse/recount-cursor.ts";
import { createRowStore } from "../clickhouse/rows.ts";
import { startGapFill } from "../client/jobs.ts";
import type { Config } from "../config/load-config.ts";
import { expectedChainId, findNetwork } from "../config/networks.ts";
import { JobInputDiffersError } from "../errors.ts";
import { createWebhook } from "../observability/webhook.ts";
import { createNetworks, type OpenNetworkFor } from "../rpc/networks.ts";
import type { NodeReport } from "../rpc/node-meters.ts";
import { createWorkers } from "../temporal/create-workers.ts";
import { traceEngine } from "../trace/trace-engine.ts";
import { workflowIds } from "../workflows/messages.ts";
import { type CreateWorkers, type WorkerProcess, waitFor } from "./worker-process.ts";

/** Opens every network; what comes back creates the workers of the role `index`. */
export async function openIndexing(
  process: WorkerProcess,
  clickhouse: ClickHouse,
): Promise<CreateWorkers> {
  const { config } = process;
  const { namespace } = config.temporal;
  const networks = await openNetworks(process, createNetworkStore(clickhouse));
  return (connection) => {
    const client = new Client({ connection, namespace });
    const dependencies = createDependencies(process, clickhouse, client);
    return createWorkers({
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
  };
}

/** Probes a node of each network and binds the network to its chain. */
async function openNetworks(process: WorkerProcess, store: NetworkStore): Promise<OpenNetworkFor> {
  const { config, logger, meters } = process;
  const report = (nodeReport: NodeReport) => logNode(logger, nodeReport);
  const networks = createNetworks(config, expectedChainId, {
    meters,
    report,
    learnt: (facts) => logger.info("Node is known better", facts),
  });
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

function createDependencies(
  { config, meters }: WorkerProcess,
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
