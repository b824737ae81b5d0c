import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@temporalio/common";
import { NativeConnection } from "@temporalio/worker";
import type { TemporalConfig } from "../config/temporal.ts";

/** Between two tries; a server that is starting is up in 1 to 2 s. */
const retryDelayMs = 2_000;

/** Connects a worker; while Temporal is away it waits, and says so, until `signal` aborts. */
export async function connectWorker(
  temporal: TemporalConfig,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<NativeConnection> {
  for (;;) {
    try {
      return await NativeConnection.connect(temporal.connectionOptions);
    } catch {
      logger.warn("Waiting for Temporal", { address: temporal.address, retryInMs: retryDelayMs });
      await sleep(retryDelayMs, undefined, { signal });
    }
  }
}
