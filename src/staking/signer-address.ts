import type { StakingConfig } from "../config/load-config.ts";
import type { Hex } from "../domain/chain.ts";
import { openTransactionSigner } from "./transaction-signer.ts";

/**
 * The account that sends, lower case: the configured one, else that of the key, which is not kept.
 * @throws {ConfigError} naming the setting, never the secret.
 */
export async function readSignerAddress(signer: StakingConfig["signer"]): Promise<Hex> {
  return signer.address ?? (await openTransactionSigner(signer)).address;
}
