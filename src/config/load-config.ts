import { resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import {
  type Environment,
  environmentNodeName,
  networkVariables,
  processVariables,
  readSettings,
  type SettingVariable,
} from "./environment.ts";
import { isMapping, readConfigFile } from "./file.ts";
import { portAddress, stakingVariablesInUse } from "./overlay-staking.ts";
import { explainMissingRole, possibleRoles } from "./roles.ts";
import { type ConfigFile, configSchema, networkName, type WorkerRole } from "./schema.ts";
import type { StakingSettings } from "./staking-schema.ts";
import { type IdleVariable, idleVariables } from "./staking-variables.ts";
import { readTemporal, type TemporalConfig } from "./temporal.ts";

export type NetworkConfig = ConfigFile["networks"][string] & { readonly name: string };
export type NodeConfig = NetworkConfig["nodes"][number];
export type LoggingConfig = ConfigFile["logging"];
export type StakingConfig = StakingSettings;

/** All settings of a process, checked and frozen. */
export type Config = Readonly<
  Omit<ConfigFile, "networks" | "temporal" | "worker"> & {
    worker: Omit<ConfigFile["worker"], "roles"> & { roles: readonly WorkerRole[] };
    networks: readonly NetworkConfig[];
    /** The network meant when nobody names one; null: several, or none. */
    defaultNetwork: string | null;
    temporal: TemporalConfig;
    /** Variables of the reference that are set and have nothing to do here. */
    idleVariables: readonly IdleVariable[];
  }
>;

/** A setting that cannot be used: the key or variable to change, and what it must be. */
type Fault = { readonly key: string; readonly problem: string };

/**
 * Loads blockloom.yaml and lays the environment over it. Where RPC_URL is set, the one network that NETWORK and RPC_URL
 * define takes the place of the file's networks.
 * @throws {ConfigError} naming every key that cannot be used.
 */
export function loadConfig({
  env = process.env,
  cwd = process.cwd(),
}: {
  env?: Environment;
  cwd?: string;
} = {}): Config {
  const file = readConfigFile(env, cwd);
  const settings = structuredClone(file.settings);
  const origins = new Map<string, string>();
  const faults: Fault[] = [
    ...file.missingSecrets.map(({ key, variable }) => ({
      key,
      problem: `\${${variable}} is not set in the environment`,
    })),
    ...overlayNetwork(settings, env, origins),
  ];
  const variables = [...processVariables, ...stakingVariablesInUse(settings, env)];
  for (const { variable, value } of readSettings(env, variables)) {
    overlay(settings, variable, variable.path, value, origins);
  }
  const port = portAddress(settings, env);
  if (port !== undefined) {
    overlay(settings, { name: "PORT" }, ["server", "address"], port, origins);
  }

  const parsed = configSchema.safeParse(settings);
  if (!parsed.success) {
    const named = new Set(faults.map(({ key }) => key));
    faults.push(...toFaults(parsed.error.issues, origins).filter(({ key }) => !named.has(key)));
  }
  if (parsed.success) faults.push(...refuseRoles(parsed.data, origins));
  if (!parsed.success || faults.length > 0) throw configError(faults, file.path);

  const { networks, temporal, ...rest } = parsed.data;
  const names = Object.keys(networks);
  return deepFreeze({
    ...rest,
    networks: Object.entries(networks).map(([name, network]) => ({
      ...network,
      name,
      genesisFile: network.genesisFile && resolve(cwd, network.genesisFile),
    })),
    defaultNetwork: env.NETWORK || (names.length === 1 ? (names[0] ?? null) : null),
    server: {
      ...rest.server,
      tokensFile: rest.server.tokensFile && resolve(cwd, rest.server.tokensFile),
    },
    worker: { ...rest.worker, roles: rest.worker.roles ?? possibleRoles(parsed.data) },
    staking: rest.staking && finishStaking(rest.staking, { env, cwd }),
    temporal: readTemporal(env, temporal),
    idleVariables: rest.staking === null ? [] : idleVariables.filter(({ name }) => env[name]),
  });
}

function finishStaking(
  staking: StakingSettings,
  { env, cwd }: { env: Environment; cwd: string },
): StakingSettings {
  const { signer, codec } = staking;
  return {
    ...staking,
    signer: {
      ...signer,
      mnemonicFile: signer.mnemonicFile && resolve(cwd, signer.mnemonicFile),
      privateKeyFile: signer.privateKeyFile && resolve(cwd, signer.privateKeyFile),
    },
    codec: { ...codec, uiOrigin: codec.uiOrigin ?? originOf(env["TEMPORAL_UI_URL"]) },
  };
}

function originOf(url: string | undefined): string | null {
  return url && URL.canParse(url) ? new URL(url).origin : null;
}

function refuseRoles(settings: ConfigFile, origins: ReadonlyMap<string, string>): Fault[] {
  const possible = possibleRoles(settings);
  const missing = (settings.worker.roles ?? []).filter((role) => !possible.includes(role));
  const key = nameOf(["worker", "roles"], origins);
  return missing.map((role) => ({ key, problem: explainMissingRole(role) }));
}

function overlayNetwork(
  settings: Record<string, unknown>,
  env: Environment,
  origins: Map<string, string>,
): Fault[] {
  const given = readSettings(env, networkVariables);
  if (!env.RPC_URL) {
    return given.map(({ variable }) => ({
      key: variable.name,
      problem: "belongs to the network of NETWORK and RPC_URL, and RPC_URL is not set",
    }));
  }
  if (!env.NETWORK) {
    return [{ key: "NETWORK", problem: "must name the network that RPC_URL serves" }];
  }
  const name = networkName.safeParse(env.NETWORK);
  if (!name.success) {
    return [{ key: "NETWORK", problem: name.error.issues[0]?.message ?? "is no network name" }];
  }
  settings.networks = {
    [name.data]: { nodes: [{ name: environmentNodeName, url: env.RPC_URL }] },
  };
  for (const { variable, value } of given) {
    const path = variable.path.map((key) => (key === "*" ? name.data : key));
    overlay(settings, variable, path, value, origins);
  }
  return [];
}

/** Puts a value at its place; a section that is no mapping is left to the schema to refuse. */
function overlay(
  settings: Record<string, unknown>,
  variable: Pick<SettingVariable, "name">,
  path: readonly string[],
  value: unknown,
  origins: Map<string, string>,
): void {
  origins.set(path.join("."), variable.name);
  let place: unknown = settings;
  for (const key of path.slice(0, -1)) {
    if (isMapping(place)) place[key] ??= {};
    place = isMapping(place) || Array.isArray(place) ? Reflect.get(place, key) : undefined;
  }
  const last = path.at(-1);
  if (isMapping(place) && last !== undefined) place[last] = value;
}

type Issue = { path: readonly PropertyKey[]; message: string; code: string; keys?: string[] };

function toFaults(issues: readonly Issue[], origins: ReadonlyMap<string, string>): Fault[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return (issue.keys ?? []).map((key) => ({
        key: [...path, key].join("."),
        problem: "is not a setting of blockloom",
      }));
    }
    return [{ key: nameOf(path, origins), problem: toProblem(issue) }];
  });
}

/** The variable that gave a value, or that gave what it stands in; else the key in the file. */
function nameOf(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  const places = path.map((_, at) => path.slice(0, path.length - at).join("."));
  const [variable] = places.flatMap((place) => origins.get(place) ?? []);
  return variable ?? path.join(".");
}

function toProblem({ code, message }: Issue): string {
  if (code === "invalid_key") return "must be a network name: 1 to 64 of a-z, 0-9 and -";
  return message.startsWith("Invalid input: expected")
    ? message.replace("Invalid input: expected", "must be of type").replace(", received", "; it is")
    : message;
}

function configError(faults: readonly Fault[], path: string | null): ConfigError {
  return new ConfigError("The configuration cannot be used.", {
    facts: [
      ...(path === null ? [] : [`file: ${path}`]),
      ...faults.map(({ key, problem }) => `${key}: ${problem}`),
    ],
    fix: "correct each of them; .env.example and examples/blockloom.yaml show every setting.",
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === "object" && part !== null && !ArrayBuffer.isView(part)) deepFreeze(part);
  }
  return Object.freeze(value);
}
