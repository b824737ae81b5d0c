import type { ForkAt, Network } from "../activities/ports.ts";
import type { Config, NetworkConfig } from "../config/load-config.ts";
import { UnknownNetworkError } from "../errors.ts";
import { toEndpoint } from "./endpoint.ts";
import { createExecutionNode } from "./execution-node.ts";
import { readForkAt } from "./fork-schedule.ts";
import { type ChosenNode, createNodeChoice } from "./node-choice.ts";

export type NodeRole = NetworkConfig["nodes"][number]["roles"][number];

/** A network's chain as a node of it shows it, and the network for activities. */
export type OpenNetwork = { readonly network: Network; readonly chain: ChosenNode["chain"] };

/** Opens networks by name for one role of nodes. */
export type OpenNetworkFor = (name: string, role: NodeRole) => Promise<OpenNetwork>;

/**
 * Creates the networks of a configuration. Opening one chooses a node that answers, so it is done for every activity.
 * @param expectedChainId - The chain id that a network must have; null = any.
 */
export function createNetworks(
  config: Pick<Config, "networks" | "retry" | "worker">,
  expectedChainId: (network: NetworkConfig) => number | null,
): OpenNetworkFor {
  const known = config.networks.map(({ name }) => name);
  const openers = new Map(
    config.networks.map((network) => [
      network.name,
      createOpener(network, config, expectedChainId(network)),
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
  expectedChainId: number | null,
) {
  const options = { network: network.name, expectedChainId };
  const nodes = network.nodes.map((node) => ({
    roles: node.roles,
    node: createExecutionNode(toEndpoint(node), worker),
  }));
  const chooserOf = (role: NodeRole) => {
    const ofRole = nodes.filter(({ roles }) => roles.includes(role));
    return createNodeChoice(
      (ofRole.length > 0 ? ofRole : nodes).map(({ node }) => node),
      options,
    );
  };
  const choosers = { head: chooserOf("head"), bulk: chooserOf("bulk") };
  let forkAt: ForkAt | undefined;

  return async function open(role: NodeRole): Promise<OpenNetwork> {
    const { node, chain } = await choosers[role]();
    forkAt ??= await readForkAt(node.calls, {
      genesisFile: network.genesisFile,
      chainId: chain.chainId,
    });
    return {
      chain,
      network: {
        name: network.name,
        node,
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
