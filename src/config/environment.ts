import {
  type Environment,
  type SettingVariable,
  setting,
  type VariableKind,
} from "./setting-variable.ts";
import { idleVariables, stakingVariables } from "./staking-variables.ts";

export type { Environment, SettingVariable } from "./setting-variable.ts";

/** Name of the one node that RPC_URL gives. */
export const environmentNodeName = "rpc-url";

/** Settings of the one network that NETWORK and RPC_URL define. */
export const networkVariables: readonly SettingVariable[] = [
  setting("RPC_URL", "networks.*.nodes.0.url"),
  setting("RPC_REQUESTS_PER_SECOND", "networks.*.nodes.0.requestsPerSecond", "number"),
  setting("PROCESSORS", "networks.*.processors", "list"),
  setting("START_BLOCK", "networks.*.startBlock", "number"),
  setting("HEAD_POLICY", "networks.*.headPolicy"),
  setting("FINALITY_DEPTH", "networks.*.finalityDepth", "number"),
  setting("GENESIS_FILE", "networks.*.genesisFile"),
];

/** Settings of the process; they win over the file. */
export const processVariables: readonly SettingVariable[] = [
  setting("CLICKHOUSE_URL", "clickhouse.url"),
  setting("CLICKHOUSE_DATABASE", "clickhouse.database"),
  setting("CLICKHOUSE_USER", "clickhouse.user"),
  setting("CLICKHOUSE_PASSWORD", "clickhouse.password"),
  setting("CLICKHOUSE_CLUSTER", "clickhouse.cluster"),
  setting("RETRY_INITIAL_DELAY_MS", "retry.initialDelayMs", "number"),
  setting("RETRY_MAXIMUM_DELAY_MS", "retry.maximumDelayMs", "number"),
  setting("RETRY_MAXIMUM_ATTEMPTS", "retry.maximumAttempts", "number"),
  setting("LOG_LEVEL", "logging.level"),
  setting("LOG_FORMAT", "logging.format"),
  setting("METRICS_ADDRESS", "metrics.address"),
  setting("WEBHOOK_URL", "webhook.url"),
  setting("WEBHOOK_SECRET", "webhook.secret"),
  setting("HEAD_SLOTS", "worker.headSlots", "number"),
  setting("BULK_SLOTS", "worker.bulkSlots", "number"),
  setting("TRACE_TIMEOUT_MS", "worker.traceTimeoutMs", "number"),
  setting("BLOCK_DEADLINE_MS", "worker.blockDeadlineMs", "number"),
  setting("WORKER_ROLES", "worker.roles", "list"),
  setting("API_ADDRESS", "server.address"),
  setting("API_TOKENS", "server.tokens", "list"),
  setting("API_TOKENS_FILE", "server.tokensFile"),
  setting("API_RATE_LIMIT", "server.rateLimit", "number"),
];

/** Every variable that blockloom itself reads; Temporal's own are read by its envconfig. */
export const variableNames: readonly string[] = [
  "BLOCKLOOM_CONFIG",
  "NETWORK",
  ...networkVariables.map(({ name }) => name),
  ...processVariables.map(({ name }) => name),
  ...stakingVariables.map(({ name }) => name),
  ...idleVariables.map(({ name }) => name),
  "PORT",
];

/** The values that variables give; an empty one counts as not set. */
export function readSettings(
  env: Environment,
  variables: readonly SettingVariable[],
): { variable: SettingVariable; value: unknown }[] {
  return variables.flatMap((variable) => {
    const value = env[variable.name];
    return value ? [{ variable, value: parse(value, variable.kind) }] : [];
  });
}

/** What is of another kind stays text, so that the schema names it with all other faults. */
function parse(value: string, kind: VariableKind): unknown {
  if (kind === "list") return parts(value);
  if (kind === "nodes") return parts(value).map((url, at) => ({ name: `rpc-${at + 1}`, url }));
  if (kind === "boolean") return value === "true" || (value === "false" ? false : value);
  return kind === "number" && /^-?\d+$/.test(value) ? Number(value) : value;
}

function parts(value: string): string[] {
  return value.split(",").map((part) => part.trim());
}
