import { fileURLToPath } from "node:url";
import type { DataConverter } from "@temporalio/common";
import { type CodecKey, createPayloadCodec } from "./payload-codec.ts";

/** For `bundleWorkflowCode` and the data converter alike. */
export const failureConverterPath = fileURLToPath(
  new URL("./failure-converter.cjs", import.meta.url),
);

/**
 * What the staking service's workers and clients read and write payloads with: encrypted, failures included.
 * @throws {ConfigError} without a usable key.
 */
export function createStakingDataConverter(keys: readonly CodecKey[]): DataConverter {
  return { failureConverterPath, payloadCodecs: [createPayloadCodec(keys)] };
}
