import { type Client, Connection } from "@temporalio/client";
import type { TemporalConfig } from "../config/temporal.ts";
import { connectClient } from "./connect-client.ts";
import { registerSearchAttributes } from "./register-search-attributes.ts";

/**
 * Connects a client and registers our search attributes, so that a job can be started before the first worker is;
 * whoever asks closes it.
 * @throws {TemporalUnavailableError} @throws {ConfigError}
 */
export async function openClient(
  temporal: TemporalConfig,
): Promise<{ client: Client; close: () => Promise<void> }> {
  const opened = await connectClient(temporal);
  const { connection } = opened.client;
  if (!(connection instanceof Connection)) return opened;
  try {
    await registerSearchAttributes(connection.operatorService, temporal.namespace);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}
