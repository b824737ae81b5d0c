import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ClickHouseLogLevel, type ClickHouseSettings, createClient } from "@clickhouse/client";
import { isConnectionLost, toStorageError } from "./storage-error.ts";

/** Where ClickHouse is. */
export type ClickHouseOptions = {
  /** `http://host:8123` or `https://...`; may hold `user:password@`. */
  readonly url: string;
  readonly database: string;
  readonly user?: string;
  readonly password?: string;
};

export type QueryOptions = {
  /** Values of `{name:Type}` in the SQL. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly settings?: ClickHouseSettings;
  readonly signal?: AbortSignal | undefined;
};

export type InsertOptions = {
  /** The same token again is stored once, also when the first try's answer was lost. */
  readonly token: string;
  readonly signal?: AbortSignal | undefined;
};

/**
 * One database of a ClickHouse server. Every method throws StorageUnavailableError, StorageRefusedError or
 * DiskFullError, never an error that holds the URL's credentials; an abort throws the signal's reason.
 */
export type ClickHouse = {
  readonly options: ClickHouseOptions;
  /** The rows of a SELECT (without FORMAT); 64-bit numbers come as decimal strings. */
  query<Row>(sql: string, options?: QueryOptions): Promise<Row[]>;
  /** Runs a statement that answers nothing. */
  command(sql: string, options?: QueryOptions): Promise<void>;
  /** Inserts objects whose keys are column names: for small tables. Retried over HTTP under its token. */
  insertRows(table: string, rows: readonly object[], options: InsertOptions): Promise<void>;
  /** Inserts Native blocks with the same columns, back to back. Retried over HTTP under its token. */
  insertBlocks(
    table: string,
    columns: readonly string[],
    blocks: readonly Uint8Array[],
    options: InsertOptions,
  ): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** Waits before the retries of an insert whose connection broke; longer outages are the caller's to wait for. */
const insertRetryDelaysMs = [100, 500, 2000] as const;

/** The slowest statement of ours, a recount of a wide range, takes seconds; a silent server is given up after this. */
const requestTimeoutMs = 120_000;

/** Reasons in facts: 26.x answers unquoted 64-bit numbers, ignores unknown keys, and queues small inserts. */
const baseSettings = {
  output_format_json_quote_64bit_integers: 1,
  input_format_skip_unknown_fields: 0,
  date_time_input_format: "best_effort",
  async_insert: 0,
} as const satisfies ClickHouseSettings;

/** Those of the url win; the library would warn on the console of any beside them, whatever its log level. */
function credentialsBeside({ url, user, password }: ClickHouseOptions) {
  const inUrl = new URL(url);
  return {
    ...(user === undefined || inUrl.username !== "" ? {} : { username: user }),
    ...(password === undefined || inUrl.password !== "" ? {} : { password }),
  };
}

export function createClickHouse(options: ClickHouseOptions): ClickHouse {
  const client = createClient({
    url: options.url,
    database: options.database,
    ...credentialsBeside(options),
    application: "blockloom",
    request_timeout: requestTimeoutMs,
    max_open_connections: 16,
    clickhouse_settings: baseSettings,
    log: { level: ClickHouseLogLevel.OFF },
  });

  return {
    options,
    query: <Row>(sql: string, query: QueryOptions = {}) =>
      attempt(query.signal, async () => {
        const result = await client.query({
          query: sql,
          format: "JSONEachRow",
          ...toClientOptions(query),
        });
        return result.json<Row>();
      }),
    command: (sql, query = {}) =>
      attempt(query.signal, async () => {
        await client.command({ query: sql, ...toClientOptions(query) });
      }),
    insertRows: (table, rows, { token, signal }) =>
      insertWithRetry(signal, async () => {
        const settings = dedupSettings(token);
        await client.insert({
          table,
          values: [...rows],
          format: "JSONEachRow",
          ...toClientOptions({ settings, signal }),
        });
      }),
    insertBlocks: (table, columns, blocks, { token, signal }) =>
      insertWithRetry(signal, async () => {
        const { stream } = await client.exec({
          query: `INSERT INTO ${table} (${columns.map((name) => `\`${name}\``).join(", ")}) FORMAT Native`,
          values: Readable.from(blocks, { objectMode: false }),
          ...toClientOptions({ settings: dedupSettings(token), signal }),
        });
        stream.resume();
        await finished(stream);
      }),
    ping: () =>
      attempt(undefined, async () => {
        const result = await client.ping();
        if (!result.success) throw result.error;
      }),
    close: () => client.close(),
  };
}

/** Checks the signal itself: client 1.23 ignores one that was aborted before the call. */
async function attempt<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    throw toStorageError(error);
  }
}

/** Sends an insert again while its connection breaks; its token makes it count once. */
async function insertWithRetry(
  signal: AbortSignal | undefined,
  run: () => Promise<void>,
): Promise<void> {
  for (const delayMs of insertRetryDelaysMs) {
    try {
      return await attempt(signal, run);
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      await sleep(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
  return attempt(signal, run);
}

/** The options that a read and a command share, without keys that are not set. */
function toClientOptions({ parameters, settings, signal }: QueryOptions) {
  return {
    ...(parameters ? { query_params: { ...parameters } } : {}),
    ...(settings ? { clickhouse_settings: settings } : {}),
    ...(signal ? { abort_signal: signal } : {}),
  };
}

/** The second setting makes a retry count once in tables fed by materialized views too. */
function dedupSettings(token: string): ClickHouseSettings {
  return {
    insert_deduplication_token: token,
    deduplicate_blocks_in_dependent_materialized_views: 1,
  };
}
