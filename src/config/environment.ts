/** Variables of a process, as process.env gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

type VariableKind = "text" | "number" | "list";

/** A setting that an environment variable may give: where it stands in blockloom.yaml. */
export type SettingVariable = {
  readonly name: string;
  /** `*` stands for the network that NETWORK names. */
  readonly path: readonly string[];
  readonly kind: VariableKind;
};

/** Name of the one node that RPC_URL gives. */
export const environmentNodeName = "rpc-url";

const setting = (name: string, path: string, kind: VariableKind = "text"): SettingVariable => ({
  name,
  path: path.split("."),
  kind,
});

/** Settings of the one network that NETWORK and RPC_URL define. */
export const networkVariables: readonly SettingVariable[] = [
  setting("RPC_URL", "networks.*.nodes.0.url"),
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

/** A number that is none stays text, so that the schema names it with all other faults. */
function parse(value: string, kind: VariableKind): unknown {
  if (kind === "list") return value.split(",").map((part) => part.trim());
  return kind === "number" && /^-?\d+$/.test(value) ? Number(value) : value;
}
