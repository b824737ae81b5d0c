import type { Network } from "../activities/ports.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import { createNetworkStore } from "../clickhouse/networks.ts";
import type { Config, NetworkConfig } from "../config/load-config.ts";
import { expectedChainId } from "../config/networks.ts";
import { createNetworks } from "../rpc/networks.ts";

/** Name of the node behind `--against`; its URL may hold a secret. */
const otherNodeName = "against";

/**
 * Opens the network for an audit: its own nodes, or another one in their place. The chain behind it is the one that
 * the stored rows belong to. @throws {NetworkBindingError} @throws {WrongChainError}
 */
export async function openAuditedNetwork(
  config: Config,
  clickhouse: ClickHouse,
  { network, against }: { network: NetworkConfig; against: string | null },
): Promise<Network> {
  const [first] = network.nodes;
  const nodes =
    against === null || !first
      ? network.nodes
      : [{ ...first, name: otherNodeName, url: against, headers: {}, roles: ["bulk" as const] }];
  const networks = createNetworks(
    { ...config, networks: [{ ...network, nodes }] },
    expectedChainId,
  );
  const opened = await networks(network.name, "bulk");
  const { chainId, genesisHash } = opened.chain;
  await createNetworkStore(clickhouse).bind({ network: network.name, chainId, genesisHash });
  return opened.network;
}
