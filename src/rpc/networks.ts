import type { ForkAt, Network } from "../activities/ports.ts";
import type { Config, NetworkConfig } from "../config/load-config.ts";
import { UnknownNetworkError } from "../errors.ts";
import type { NodeCapabilities } from "./capabilities.ts";
import { toEndpoint } from "./endpoint.ts";
import { readForkAt } from "./fork-schedule.ts";
import { type NodeListener, nobodyListens } from "./node-meters.ts";
import { type OpenNode, RpcNodePool } from "./node-pool.ts";
import { createPoolNode } from "./pool-node.ts";
import { PooledNode } from "./pooled-node.ts";

export type NodeRole = NetworkConfig["nodes"][number]["roles"][number];

/** A network's chain as a node of it shows it, and the network for activities. */
export type OpenNetwork = {
  readonly network: Network;
  readonly chain: OpenNode["chain"];
  /** What each node of the role can do, by its name; null = it was away so far. */
  readonly capabilities: Readonly<Record<string, NodeCapabilities | null>>;
};

/** Opens networks by name for one role of nodes. */
export type OpenNetworkFor = (name: string, role: NodeRole) => Promise<OpenNetwork>;

/**
 * Creates the networks of a configuration. Opening one sees which of its nodes serve, so it is done for every activity.
 * @param expectedChainId - The chain id that a network must have; null = any.
 * @param listener - Who is told what becomes of the nodes; default nobody.
 */
export function createNetworks(
  config: Pick<Config, "networks" | "retry" | "worker">,
  expectedChainId: (network: NetworkConfig) => number | null,
  listener: NodeListener = nobodyListens,
): OpenNetworkFor {
  const known = config.networks.map(({ name }) => name);
  const openers = new Map(
    config.networks.map((network) => [
      network.name,
      createOpener(network, config, { expectedChainId: expectedChainId(network), listener }),
    ]),
  );
  return (name, role) => {
    const open = openers.get(name);
    if (!open) throw new UnknownNetworkError({ network: name, known });
    return open(role);
  };
}

function createOpener(
  network: NetworkConfig,
  { retry, worker }: Pick<Config, "retry" | "worker">,
  { expectedChainId, listener }: { expectedChainId: number | null; listener: NodeListener },
) {
  const nodes = network.nodes.map(
    (node) =>
      new PooledNode({
        network: network.name,
        endpoint: toEndpoint(node),
        roles: node.roles,
        maximumTraces: node.maximumTraces,
        requestsPerSecond: node.requestsPerSecond,
        traceTimeoutMs: worker.traceTimeoutMs,
        listener,
      }),
  );
  const chain = { known: null };
  const poolOf = (role: NodeRole) => {
    const ofRole = nodes.filter(({ roles }) => roles.includes(role));
    const pool = new RpcNodePool(ofRole.length > 0 ? ofRole : nodes, {
      probe: { network: network.name, expectedChainId },
      chain,
      meters: listener.meters,
      isHead: role === "head",
    });
    return { pool, node: pool.size === 1 ? null : createPoolNode(pool) };
  };
  const pools = { head: poolOf("head"), bulk: poolOf("bulk") };
  let forkAt: ForkAt | undefined;

  return async function open(role: NodeRole): Promise<OpenNetwork> {
    const { pool, node: poolNode } = pools[role];
    const opened = await pool.open();
    forkAt ??= await readForkAt(opened.node.calls, {
      genesisFile: network.genesisFile,
      chainId: opened.chain.chainId,
    });
    return {
      chain: opened.chain,
      capabilities: pool.capabilities,
      network: {
        name: network.name,
        node: poolNode ?? opened.node,
        nodes: pool,
        processors: network.processors,
        forkAt,
        headPolicy: network.headPolicy,
        finalityDepth: network.finalityDepth,
        retryPolicy: retry,
        blockDeadlineMs: worker.blockDeadlineMs,
      },
    };
  };
}
