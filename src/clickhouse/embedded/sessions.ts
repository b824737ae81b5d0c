import { createConnectionPool } from "./connection-pool.ts";
import { type Engine, leaveStatements, type Scope } from "./engine.ts";
import { FrontError } from "./exception.ts";
import type { NativeConnection } from "./native.ts";

/** Connections for requests: one that is in the request's scope alone, or the sticky one of a `session_id`. */
export type Sessions = {
  /**
   * Runs with a connection in the scope of the request; nothing of the scope reaches a request of another scope.
   * @param leavesNoTrace - The statement cannot change the connection, which may then serve the same scope again.
   */
  use<T>(
    request: Scope & { readonly sessionId: string | null },
    leavesNoTrace: boolean,
    run: (connection: NativeConnection) => Promise<T>,
  ): Promise<T>;
  closeAll(): void;
};

type StickySession = { connection: NativeConnection; busy: boolean; expiry?: NodeJS.Timeout };

/** ClickHouse's default session_timeout. */
const idleSessionMs = 60_000;

export function createSessions(engine: Engine): Sessions {
  const sticky = new Map<string, StickySession>();
  const pool = createConnectionPool(engine);

  function drop(id: string): void {
    const session = sticky.get(id);
    if (!session) return;
    clearTimeout(session.expiry);
    sticky.delete(id);
    engine.close(session.connection);
  }

  async function useSticky<T>(
    id: string,
    scope: Scope,
    run: (connection: NativeConnection) => Promise<T>,
  ) {
    const session = sticky.get(id) ?? { connection: engine.open(), busy: false };
    if (session.busy) throw new FrontError("sessionLocked", `Session ${id} is locked`);
    sticky.set(id, session);
    clearTimeout(session.expiry);
    session.busy = true;
    try {
      await engine.enter(session.connection, scope);
      return await run(session.connection);
    } finally {
      const restored = await restore(session.connection, scope);
      session.busy = false;
      session.expiry = setTimeout(drop, idleSessionMs, id).unref();
      if (!restored) drop(id);
    }
  }

  /** A session that was made readonly refuses SET, so its defaults cannot come back. */
  async function restore(connection: NativeConnection, { settings }: Scope): Promise<boolean> {
    const sql = leaveStatements(settings);
    if (settings.has("readonly")) return false;
    if (sql === "") return true;
    return engine.native.QueryAsyncConnection(connection, sql, "Null").then(
      () => true,
      () => false,
    );
  }

  return {
    use: ({ sessionId, ...scope }, leavesNoTrace, run) =>
      sessionId === null ? pool.use(scope, leavesNoTrace, run) : useSticky(sessionId, scope, run),
    closeAll() {
      pool.closeAll();
      [...sticky.keys()].forEach(drop);
    },
  };
}
