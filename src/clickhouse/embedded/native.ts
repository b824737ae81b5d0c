import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError } from "../../errors.ts";

/** A connection of the engine; only calls on {@link NativeEngine} can read it. */
export type NativeConnection = { readonly nativeConnection: never };
export type NativeStream = { readonly nativeStream: never };

/** The calls of chdb's native addon that the front uses; each runs on a thread of libuv unless noted. */
export type NativeEngine = {
  /** Runs on the calling thread; the first call opens the data directory. */
  CreateConnection(dataDir: string, serverArguments?: readonly string[]): NativeConnection;
  /** Runs on the calling thread. Never while a call on the connection runs: that aborts the engine. */
  CloseConnection(connection: NativeConnection): void;
  QueryAsyncConnection(
    connection: NativeConnection,
    sql: string,
    format: string,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<{ bytes: Uint8Array; elapsed: number; rowsRead: number; bytesRead: number }>;
  InsertRawAsyncConnection(
    connection: NativeConnection,
    sql: string,
    data: Buffer,
    countLines: boolean,
  ): Promise<{ rowsWritten: number; bytesWritten: number; elapsed: number }>;
  /** Parses and plans on the calling thread (1 to 3 ms measured), computes in `StreamFetch`. */
  StreamQuery(
    connection: NativeConnection,
    sql: string,
    format: string,
    parameters?: Readonly<Record<string, string>>,
  ): NativeStream;
  StreamFetch(stream: NativeStream): Promise<{ bytes: Uint8Array; numRows: number; done: boolean }>;
  /** Frees a stream. Never while a fetch of it runs. */
  StreamCancel(stream: NativeStream): void;
};

/**
 * Loads the engine of the npm package chdb, which only development installs have.
 * Its `Session` class is passed over: it can neither insert bytes that are not UTF-8 nor close one connection
 * while another one works.
 * @throws {ConfigError} when the package is not installed or has no build for this platform.
 */
export function loadNativeEngine(): NativeEngine {
  const require = createRequire(import.meta.url);
  try {
    const folder = dirname(require.resolve("chdb/package.json"));
    const loader: { loadNative(): NativeEngine } = require(join(folder, "dist", "loader.js"));
    return loader.loadNative();
  } catch (cause) {
    throw new ConfigError("The embedded ClickHouse is not installed.", {
      facts: [cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause)],
      fix: "install the development dependencies (npm ci; Linux with glibc or macOS), or set CLICKHOUSE_URL to a server.",
      cause,
    });
  }
}
