import { UnknownNetworkError } from "../errors.ts";
import type { Config, NetworkConfig } from "./load-config.ts";

/** Names that mean one chain to everybody; a node of another chain is refused under them. */
const wellKnownChainIds: Readonly<Record<string, number>> = {
  mainnet: 1,
  holesky: 17_000,
  hoodi: 560_048,
  sepolia: 11_155_111,
};

/** The chain id that a network must have: configured, or implied by a well-known name; null = any. */
export function expectedChainId(network: Pick<NetworkConfig, "name" | "chainId">): number | null {
  return network.chainId ?? wellKnownChainIds[network.name] ?? null;
}

/**
 * The network that a name means; without a name the one that NETWORK names, else the only one there is.
 * @throws {UnknownNetworkError}
 */
export function findNetwork(config: Config, name?: string): NetworkConfig {
  const wanted = name ?? config.defaultNetwork;
  const network = config.networks.find((candidate) => candidate.name === wanted);
  if (network) return network;
  const known = config.networks.map((candidate) => candidate.name);
  throw new UnknownNetworkError({ network: wanted ?? "", known });
}
