import type { Logger } from "@temporalio/common";
import type { NativeConnection, Worker } from "@temporalio/worker";
import type { Meters } from "../activities/ports.ts";
import type { StakeMeters } from "../activities/staking/bridge-ports.ts";
import { type ClickHouse, createClickHouse } from "../clickhouse/client.ts";
import { migrate } from "../clickhouse/migrate.ts";
import type { Config } from "../config/load-config.ts";
import { TemporalUnavailableError } from "../errors.ts";
import { waitWhileAway } from "../observability/wait-while-away.ts";
import type { NodeMeters } from "../rpc/node-meters.ts";
import { connectWorker } from "../temporal/connect-worker.ts";
import { isServerAway } from "../temporal/grpc-status.ts";
import { registerSearchAttributes } from "../temporal/register-search-attributes.ts";

/** What lasts as long as the process. */
export type WorkerProcess = {
  readonly config: Config;
  readonly logger: Logger;
  readonly meters: Meters & NodeMeters & StakeMeters;
  /** SIGINT or SIGTERM came. */
  readonly signal: AbortSignal;
};

/** What a role does once Temporal answers. */
export type CreateWorkers = (connection: NativeConnection) => Promise<readonly Worker[]>;

/** Applies the migrations that wait, as soon as ClickHouse answers. */
export async function openStorage(process: WorkerProcess): Promise<ClickHouse> {
  const { config, logger } = process;
  const applied = await waitFor(process, "ClickHouse", () => migrate(config.clickhouse));
  if (applied.length > 0) logger.info("Applied migrations", { migrations: applied });
  return createClickHouse(config.clickhouse);
}

/** Connects, and registers the search attributes that workflows write. */
export function openTemporal(process: WorkerProcess): Promise<NativeConnection> {
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

/** Asks until the server answers, or the process is told to stop. */
export function waitFor<Answer>(
  { logger, signal }: WorkerProcess,
  what: string,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  return waitWhileAway(ask, { what, logger, signal });
}
