import type { Config } from "../../config/load-config.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import { openStakingDesk } from "../../staking/open-desk.ts";
import type { Backends } from "../backends.ts";

/**
 * The desk of the configured staking service; null where none is configured. Opens nothing yet.
 * @throws {ConfigError} where the signer's key cannot be read.
 */
export async function openStaking(
  { staking }: Config,
  { temporal, stakeRequests }: Pick<Backends, "temporal" | "stakeRequests">,
): Promise<StakingDesk | null> {
  if (staking === null) return null;
  return openStakingDesk(staking, {
    temporal,
    kept: { read: async (requestId) => (await stakeRequests()).read(requestId) },
  });
}
