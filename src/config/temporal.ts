import { type ClientConnectConfig, loadClientConnectConfig } from "@temporalio/envconfig";
import { ConfigError } from "../errors.ts";
import type { Environment } from "./environment.ts";

/** How to reach Temporal; worker and client hand `connectionOptions` to the SDK as they are. */
export type TemporalConfig = {
  readonly address: string;
  readonly namespace: string;
  readonly connectionOptions: ClientConnectConfig["connectionOptions"] & {
    readonly address: string;
  };
};

/**
 * Reads Temporal's own variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS…, TEMPORAL_PROFILE …) and
 * profiles; blockloom.yaml stands behind them.
 * @throws {ConfigError} when a profile or a certificate cannot be read.
 */
export function readTemporal(
  env: Environment,
  file: { address: string; namespace: string },
): TemporalConfig {
  const { connectionOptions, namespace } = loadProfile(env);
  const address = connectionOptions.address ?? file.address;
  return {
    address,
    namespace: namespace ?? file.namespace,
    connectionOptions: { ...connectionOptions, address },
  };
}

function loadProfile(env: Environment): ClientConnectConfig {
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  try {
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(set) });
  } catch (error) {
    throw new ConfigError("Temporal's connection settings cannot be used.", {
      facts: [error instanceof Error ? error.message : "unknown fault"],
      fix: "see the TEMPORAL_ variables in .env.example and the profile they name.",
    });
  }
}
