import { z } from "zod";
import type { Processor } from "../domain/processor.ts";
import { httpUrl, oneOf, text, wholeNumber } from "./schema-parts.ts";
import { stakingSchema } from "./staking-schema.ts";

/** What a processor may be called: our names, then execution-processor's for the same. */
const processorNames = [
  "structlog",
  "structlog_agg",
  "transaction",
  "transaction_structlog",
  "transaction_structlog_agg",
  "transaction_simple",
] as const;
const processorOf: Readonly<Record<(typeof processorNames)[number], Processor>> = {
  structlog: "structlog",
  structlog_agg: "structlog_agg",
  transaction: "transaction",
  transaction_structlog: "structlog",
  transaction_structlog_agg: "structlog_agg",
  transaction_simple: "transaction",
};

export const logLevels = ["trace", "debug", "info", "warn", "error"] as const;
export const logFormats = ["json", "pretty"] as const;
export const headPolicies = ["latest", "safe", "finalized"] as const;

/** What a node is used for; a node without roles is used for both. */
const nodeRoles = ["head", "bulk"] as const;

/** Names end up in workflow ids, task queues and rows. */
export const networkName = text.regex(/^[a-z0-9-]{1,64}$/, {
  error: "must be a network name: 1 to 64 of a-z, 0-9 and -",
});

const node = z.strictObject({
  name: text.regex(/^[\w.-]{1,64}$/, { error: "must be 1 to 64 letters, digits, dots or dashes" }),
  url: httpUrl,
  headers: z.record(text, text).default({}),
  roles: z
    .array(oneOf(nodeRoles))
    .min(1)
    .default([...nodeRoles]),
  /** Traces at once at the most; fewer while the node slows down. A head has one more of its own. */
  maximumTraces: wholeNumber("traces at once", { minimum: 1 }).default(8),
  /** JSON-RPC calls a second from one process, a third of them kept for the head; null: as many as come. */
  requestsPerSecond: wholeNumber("calls a second", { minimum: 1 }).nullable().default(null),
});

const network = z.strictObject({
  chainId: wholeNumber("chain id", { minimum: 1 }).nullable().default(null),
  nodes: z
    .array(node, { error: "must be a list of nodes" })
    .min(1, { error: "must hold a node" })
    .refine((nodes) => new Set(nodes.map(({ name }) => name)).size === nodes.length, {
      error: "must give every node a name of its own",
    }),
  processors: z
    .array(
      z
        .enum(processorNames, { error: "must be structlog, structlog_agg or transaction" })
        .transform((name) => processorOf[name]),
    )
    .min(1, { error: "must hold a processor" })
    .transform((names) => [...new Set<Processor>(names)])
    .default(["structlog", "structlog_agg", "transaction"]),
  startBlock: wholeNumber("block number", { minimum: 0 }).nullable().default(null),
  headPolicy: oneOf(headPolicies).default("latest"),
  finalityDepth: wholeNumber("blocks", { minimum: 0 }).nullable().default(null),
  genesisFile: text.nullable().default(null),
});

const clickhouse = z.strictObject({
  url: httpUrl.default("http://127.0.0.1:8123"),
  database: text
    .regex(/^[A-Za-z_]\w{0,63}$/, { error: "must be a plain identifier" })
    .default("blockloom"),
  user: text.default("default"),
  password: z.string({ error: "must be text" }).default(""),
  cluster: text
    .regex(/^\w{1,64}$/, { error: "must be a plain identifier" })
    .nullable()
    .default(null),
});

const retry = z
  .strictObject({
    initialDelayMs: wholeNumber("milliseconds", { minimum: 1 }).default(30_000),
    maximumDelayMs: wholeNumber("milliseconds", { minimum: 1 }).default(6 * 3_600_000),
    maximumAttempts: wholeNumber("attempts", { minimum: 1 }).default(12),
  })
  .refine(({ initialDelayMs, maximumDelayMs }) => initialDelayMs <= maximumDelayMs, {
    path: ["initialDelayMs"],
    error: "must not be above the maximum delay",
  });

const logging = z.strictObject({
  level: oneOf(logLevels).default("info"),
  format: oneOf(logFormats).default("json"),
});

const metrics = z.strictObject({
  /** `off`, or where Prometheus scrapes; loopback unless told. */
  address: text
    .regex(/^(off|(\[[0-9a-f:]+\]|\d{1,3}(\.\d{1,3}){3}):\d{1,5})$/, {
      error: "must be an ip address with a port such as 127.0.0.1:9464, or off",
    })
    .default("127.0.0.1:9464"),
});

const webhook = z
  .strictObject({
    /** May hold a token: never shown. */
    url: text.nullable().default(null),
    secret: text.nullable().default(null),
  })
  .refine(({ url, secret }) => url === null || secret !== null, {
    path: ["secret"],
    error: "must be set beside the url: receivers tell our messages by their signature",
  })
  .refine(({ url }) => url === null || /^https?:\/\//.test(url), {
    path: ["url"],
    error: "must be an http or https url",
  });

/** What a worker does: index blocks, submit staking transactions, sign them (the only role that needs the key). */
export const workerRoles = ["index", "stake", "sign"] as const;
export type WorkerRole = (typeof workerRoles)[number];

const worker = z.strictObject({
  headSlots: wholeNumber("activities at once", { minimum: 1 }).default(2),
  bulkSlots: wholeNumber("activities at once", { minimum: 1 }).default(2),
  traceTimeoutMs: wholeNumber("milliseconds", { minimum: 1000 }).default(300_000),
  blockDeadlineMs: wholeNumber("milliseconds", { minimum: 1000 }).default(900_000),
  /** null: all that the rest of the configuration allows. */
  roles: z
    .array(oneOf(workerRoles), { error: "must be a list of roles" })
    .min(1, { error: "must hold a role" })
    .transform((roles) => [...new Set(roles)])
    .nullable()
    .default(null),
});

const temporal = z.strictObject({
  address: text.default("127.0.0.1:7233"),
  namespace: text.default("default"),
});

/** What a token of the HTTP API may do. */
export const apiScopes = ["read", "queue", "stake", "codec"] as const;
export type ApiScope = (typeof apiScopes)[number];

const server = z.strictObject({
  address: text
    .regex(/^(\[[0-9a-f:]+\]|\d{1,3}(\.\d{1,3}){3}):\d{1,5}$/, {
      error: "must be an ip address with a port such as 127.0.0.1:8300",
    })
    .default("127.0.0.1:8300"),
  /** `name:scope+scope:hash`; taken apart in api-tokens.ts, which never repeats one. */
  tokens: z.array(z.string({ error: "must be text" })).default([]),
  tokensFile: text.nullable().default(null),
  /** Requests a minute and caller. */
  rateLimit: wholeNumber("requests a minute", { minimum: 1 }).default(600),
});

/** blockloom.yaml, key by key; the environment's variables are laid over it before it is parsed. */
export const configSchema = z.strictObject({
  networks: z.record(networkName, network).default({}),
  clickhouse: clickhouse.prefault({}),
  temporal: temporal.prefault({}),
  retry: retry.prefault({}),
  logging: logging.prefault({}),
  metrics: metrics.prefault({}),
  webhook: webhook.prefault({}),
  worker: worker.prefault({}),
  server: server.prefault({}),
  staking: stakingSchema,
});

export type ConfigFile = z.output<typeof configSchema>;
