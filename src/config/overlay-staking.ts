import { isMapping } from "./file.ts";
import type { Environment, SettingVariable } from "./setting-variable.ts";
import { stakingVariables } from "./staking-variables.ts";

/** What nobody sets but for this service; the rest has defaults, or stands in environments for other reasons. */
const ownSettings = ["chainId", "nodes", "contractAddress", "signer"];

/**
 * The variables of the staking service that count: none unless it is set up by a name of its own or in the file, and
 * those of the Redis stream only where there is one.
 */
export function stakingVariablesInUse(
  settings: Readonly<Record<string, unknown>>,
  env: Environment,
): readonly SettingVariable[] {
  const { staking } = settings;
  if (!isMapping(staking) && !namesStaking(env)) return [];
  const hasStream =
    Boolean(env["REDIS_URL"]) || (isMapping(staking) && isMapping(staking["redis"]));
  return hasStream ? stakingVariables : stakingVariables.filter(({ path }) => path[1] !== "redis");
}

function namesStaking(env: Environment): boolean {
  return stakingVariables.some(
    ({ name, path: [, key = ""] }) => ownSettings.includes(key) && Boolean(env[name]),
  );
}

/**
 * The reference's PORT, where nobody says otherwise where the API listens. It is no setting of a process without the
 * staking service: platforms set it for other reasons.
 */
export function portAddress(
  settings: Readonly<Record<string, unknown>>,
  env: Environment,
): string | undefined {
  const { server, staking } = settings;
  const isAddressSet = isMapping(server) && server["address"] !== undefined;
  return env["PORT"] && isMapping(staking) && !isAddressSet
    ? `127.0.0.1:${env["PORT"]}`
    : undefined;
}
