import { FrontError } from "./exception.ts";
import { loadNativeEngine, type NativeConnection, type NativeEngine } from "./native.ts";

/** What a request runs in: its own settings and database, gone when the request ends. */
export type Scope = {
  readonly database: string | null;
  readonly roles: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
};

/** The embedded engine over one data directory, which it locks. One a process, on its main thread only. */
export type Engine = {
  readonly native: NativeEngine;
  open(): NativeConnection;
  close(connection: NativeConnection): void;
  /** Applies database, roles and settings to a connection. */
  enter(connection: NativeConnection, scope: Scope): Promise<void>;
  /** Ends the statement that carries the tag, without waiting for its end (about 0.1 s). */
  kill(tag: string): Promise<void>;
  /**
   * Runs calls with parameters one after another: the engine keeps the parameters of a call process-wide.
   * A stream needs the turn only for its start.
   */
  inParameterTurn<T>(run: () => Promise<T> | T): Promise<T>;
  /** Closes the data directory. Every other connection must be closed before. */
  shutdown(): void;
};

export function openEngine(options: { dataDir: string; memoryLimitBytes: number | null }): Engine {
  const native = loadNativeEngine();
  const limit = options.memoryLimitBytes;
  const serverArguments = limit === null ? [] : [`--max_server_memory_usage=${limit}`];
  /** Keeps the data directory open between requests; also the one that kills. */
  const control = native.CreateConnection(options.dataDir, serverArguments);
  let parameterTurn: Promise<unknown> = Promise.resolve();

  return {
    native,
    open: () => native.CreateConnection(options.dataDir),
    close: (connection) => native.CloseConnection(connection),
    async enter(connection, scope) {
      const sql = enterStatements(scope);
      if (sql !== "") await native.QueryAsyncConnection(connection, sql, "Null");
    },
    async kill(tag) {
      const sql = `KILL QUERY WHERE startsWith(query, ${quoteString(tag)}) ASYNC`;
      await native.QueryAsyncConnection(control, sql, "Null");
    },
    inParameterTurn(run) {
      const turn = parameterTurn.then(run);
      parameterTurn = turn.catch(() => undefined);
      return turn;
    },
    shutdown: () => native.CloseConnection(control),
  };
}

function enterStatements({ database, roles, settings }: Scope): string {
  const assignments = [...settings].map(([name, value]) => {
    if (!/^\w+$/.test(name)) throw new FrontError("unknownSetting", `Unknown setting '${name}'`);
    return `${name} = ${quoteString(value)}`;
  });
  return [
    ...(database === null ? [] : [`USE ${quoteName(database)}`]),
    ...(roles.length === 0 ? [] : [`SET ROLE ${roles.map(quoteName).join(", ")}`]),
    ...(assignments.length === 0 ? [] : [`SET ${assignments.join(", ")}`]),
  ].join("; ");
}

/** The statements that give back a sticky session's defaults. */
export function leaveStatements(settings: ReadonlyMap<string, string>): string {
  const names = [...settings.keys()];
  return names.length === 0 ? "" : `SET ${names.map((name) => `${name} = DEFAULT`).join(", ")}`;
}

export function quoteString(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\0", "\\0")}'`;
}

function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}
