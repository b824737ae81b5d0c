import type { Config, NetworkConfig } from "../config/load-config.ts";
import { findNetwork } from "../config/networks.ts";
import { Problem } from "./problem.ts";

/**
 * The network that a request means.
 * @param name - `?network=`; absent: the default one.
 * @throws {Problem} @throws {UnknownNetworkError}
 */
export function networkOf(config: Config, name: string | undefined): NetworkConfig {
  if (name === undefined && config.defaultNetwork === null) {
    throw new Problem({
      kind: "network-not-named",
      status: 400,
      title: "It is not clear which network is meant.",
      detail: `Configured are ${config.networks.map((network) => network.name).join(", ")}.`,
      fix: "name one of them with ?network=NAME.",
    });
  }
  return findNetwork(config, name);
}
