import { Client, Connection } from "@temporalio/client";
import type { TemporalConfig } from "../config/temporal.ts";
import { TemporalUnavailableError } from "../errors.ts";

/** How long a person waits at most to hear that nobody answers. */
const connectTimeout = "5 seconds";

/**
 * Connects a client; whoever asks closes it.
 * @throws {TemporalUnavailableError} when no server answers within 5 seconds.
 */
export async function connectClient(
  temporal: TemporalConfig,
): Promise<{ client: Client; close: () => Promise<void> }> {
  const connection = await connect(temporal);
  return {
    client: new Client({ connection, namespace: temporal.namespace }),
    close: () => connection.close(),
  };
}

async function connect({ address, connectionOptions }: TemporalConfig): Promise<Connection> {
  const { apiKey, metadata, tls } = connectionOptions;
  try {
    return await Connection.connect({
      address,
      connectTimeout,
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(tls === undefined ? {} : { tls }),
    });
  } catch {
    throw new TemporalUnavailableError({ address, reason: `no answer within ${connectTimeout}` });
  }
}
