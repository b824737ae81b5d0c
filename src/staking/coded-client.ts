import { Client } from "@temporalio/client";
import type { CodecKey } from "../temporal/payload-codec.ts";
import { createStakingDataConverter } from "../temporal/staking-data-converter.ts";

/**
 * A client of the staking workflows on the connection of another: what it sends is encrypted, what it gets decrypted.
 * @throws {ConfigError} without a usable key.
 */
export function createCodedClient(client: Client, keys: readonly CodecKey[]): Client {
  return new Client({
    connection: client.connection,
    namespace: client.options.namespace,
    dataConverter: createStakingDataConverter(keys),
  });
}
