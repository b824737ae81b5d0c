import type { Client } from "@temporalio/client";
import type { StakingChain } from "../activities/staking/ports.ts";
import type { StakingConfig } from "../config/load-config.ts";
import { createCodedClient } from "./coded-client.ts";
import type { StakingDesk } from "./desk.ts";
import { openStakingChain } from "./open-staking-chain.ts";
import type { KeptRequests } from "./read-request.ts";
import { readSignerAddress } from "./signer-address.ts";

/**
 * Puts a desk together; connects to nothing yet, and a try that failed is made again by the next caller.
 * @throws {ConfigError} where the account is not configured and its key cannot be read.
 */
export async function openStakingDesk(
  settings: StakingConfig,
  { temporal, kept }: { readonly temporal: () => Promise<Client>; readonly kept: KeptRequests },
): Promise<StakingDesk> {
  const coded = new WeakMap<Client, Client>();
  let opening: Promise<StakingChain> | undefined;
  const chain = () => {
    opening ??= openStakingChain(settings).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    settings,
    signer: await readSignerAddress(settings.signer),
    kept,
    chain,
    chainId: async () => settings.chainId ?? (await chain()).chainId,
    client: async () => {
      const plain = await temporal();
      const known = coded.get(plain) ?? createCodedClient(plain, settings.codec.keys);
      coded.set(plain, known);
      return known;
    },
  };
}
