import { NativeConnection } from "@temporalio/worker";
import type { TemporalConfig } from "../config/temporal.ts";
import { TemporalUnavailableError } from "../errors.ts";

/**
 * Connects a worker; whoever asks closes it.
 * @throws {TemporalUnavailableError}
 */
export async function connectWorker({
  address,
  connectionOptions,
}: TemporalConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(connectionOptions);
  } catch {
    // The SDK's reason repeats the address and a stack of transport layers.
    throw new TemporalUnavailableError({ address, reason: "cannot connect" });
  }
}
