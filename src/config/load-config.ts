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
import { type ConfigFile, configSchema, networkName } from "./schema.ts";
import { readTemporal, type TemporalConfig } from "./temporal.ts";

export type NetworkConfig = ConfigFile["networks"][string] & { readonly name: string };
export type NodeConfig = NetworkConfig["nodes"][number];
export type LoggingConfig = ConfigFile["logging"];

/** All settings of a process, checked and frozen. */
export type Config = Readonly<
  Omit<ConfigFile, "networks" | "temporal"> & {
    networks: readonly NetworkConfig[];
    /** The network meant when nobody names one; null: several, or none. */
    defaultNetwork: string | null;
    temporal: TemporalConfig;
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
  for (const { variable, value } of readSettings(env, processVariables)) {
    overlay(settings, variable, variable.path, value, origins);
  }

  const parsed = configSchema.safeParse(settings);
  if (!parsed.success) {
    const named = new Set(faults.map(({ key }) => key));
    faults.push(...toFaults(parsed.error.issues, origins).filter(({ key }) => !named.has(key)));
  }
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
    temporal: readTemporal(env, temporal),
  });
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
  variable: SettingVariable,
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

/** The variable that gave a value, or that gave the list it stands in; else the key in the file. */
function nameOf(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  const key = path.join(".");
  return origins.get(key) ?? origins.get(path.slice(0, -1).join(".")) ?? key;
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
