import type { Fork } from "./fork.ts";
import type { ForkActivation, ForkSchedule } from "./fork-schedule.ts";

/**
 * What `eth_config` (EIP-7910) decides of a chain's forks: the one in force now and the ones that are planned, each
 * told by its newest precompile. Blocks before the fork in force are left unknown: the answer does not reach back.
 * Null where it decides nothing.
 */
export function scheduleOfEthConfig(answer: unknown): ForkSchedule | null {
  if (!isRecord(answer)) return null;
  const schedule: ForkActivation[] = [];
  for (const key of ["current", "next", "last"]) {
    const activation = toActivation(answer[key]);
    if (activation === undefined) continue;
    // Blocks after a fork that cannot be told would count as the fork before it.
    if (activation === null) return null;
    schedule.push(activation);
  }
  return schedule.length > 0 ? schedule : null;
}

/** Undefined: there is no such entry; null: there is one that names no fork of ours. */
function toActivation(entry: unknown): ForkActivation | null | undefined {
  if (entry === null || entry === undefined) return undefined;
  if (!isRecord(entry) || !isRecord(entry["precompiles"])) return null;
  const { activationTime } = entry;
  if (typeof activationTime !== "number" || !Number.isSafeInteger(activationTime)) return null;
  const contracts = isRecord(entry["systemContracts"]) ? entry["systemContracts"] : {};
  if (Object.keys(contracts).some((name) => !systemContracts.includes(name))) return null;
  const fork = forkOfPrecompiles(Object.keys(entry["precompiles"]));
  return fork && { fork, at: { timestamp: activationTime } };
}

/** System contracts up to Osaka; another one tells a newer fork (`geth --dev` 1.17 runs one, with other gas costs). */
const systemContracts: readonly string[] = [
  "BEACON_ROOTS_ADDRESS",
  "CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS",
  "DEPOSIT_CONTRACT_ADDRESS",
  "HISTORY_STORAGE_ADDRESS",
  "WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS",
];

/** The newest precompile of each fork, newest first; blob-parameter forks bring none and follow Osaka's rules. */
const newestPrecompiles: readonly (readonly [string, Fork])[] = [
  ["P256VERIFY", "osaka"],
  ["BLS12_G1ADD", "prague"],
  ["KZG_POINT_EVALUATION", "cancun"],
];

function forkOfPrecompiles(names: readonly string[]): Fork | null {
  return newestPrecompiles.find(([name]) => names.includes(name))?.[1] ?? null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
