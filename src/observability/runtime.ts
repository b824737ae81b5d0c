import type { Logger } from "@temporalio/common";
import { Runtime } from "@temporalio/worker";
import type { Meters } from "../activities/ports.ts";
import type { StakeMeters } from "../activities/staking/bridge-ports.ts";
import { ConfigError } from "../errors.ts";
import type { NodeMeters } from "../rpc/node-meters.ts";
import { createMeters, metricsOptions } from "./metrics.ts";
import { createNodeMeters } from "./node-meters.ts";
import { createStakingMeters } from "./staking-meters.ts";

/**
 * Installs the SDK's runtime, once a process and before anything else of the SDK: its core's log lines go to our logger,
 * and its metrics and ours to one Prometheus endpoint.
 * @param metricsAddress - `ip:port` or `off`.
 * @throws {ConfigError} when the address cannot be listened on.
 */
export function installRuntime(
  logger: Logger,
  metricsAddress: string,
): Meters & NodeMeters & StakeMeters {
  try {
    const runtime = Runtime.install({
      logger,
      telemetryOptions: {
        logging: { filter: { core: "WARN", other: "ERROR" }, forward: {} },
        ...metricsOptions(metricsAddress),
      },
    });
    const { metricMeter } = runtime;
    return {
      ...createMeters(metricMeter),
      ...createNodeMeters(metricMeter),
      ...createStakingMeters(metricMeter),
    };
  } catch {
    throw new ConfigError("The metrics endpoint cannot be opened.", {
      facts: [`METRICS_ADDRESS: ${metricsAddress}`],
      fix: "choose a free port of this host, or set METRICS_ADDRESS=off.",
    });
  }
}
