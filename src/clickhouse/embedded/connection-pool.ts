import type { Engine, Scope } from "./engine.ts";
import type { NativeConnection } from "./native.ts";

/** Connections that serve one request after another of the same scope: database, roles and settings. */
export type ConnectionPool = {
  /** @param leavesNoTrace - The statement cannot change the connection, which may then serve its scope again. */
  use<T>(
    scope: Scope,
    leavesNoTrace: boolean,
    run: (connection: NativeConnection) => Promise<T>,
  ): Promise<T>;
  /** Closes those that are idle. */
  closeAll(): void;
};

/** Idle connections that are kept: to open one and set its scope is a tenth of a small statement (measured). */
const maximumIdle = 16;

export function createConnectionPool(engine: Engine): ConnectionPool {
  /** Longest idle first. */
  const idle: { readonly key: string; readonly connection: NativeConnection }[] = [];

  async function open(scope: Scope): Promise<NativeConnection> {
    const connection = engine.open();
    try {
      await engine.enter(connection, scope);
      return connection;
    } catch (error) {
      engine.close(connection);
      throw error;
    }
  }

  function take(key: string): NativeConnection | undefined {
    const index = idle.findLastIndex((one) => one.key === key);
    return index < 0 ? undefined : idle.splice(index, 1)[0]?.connection;
  }

  function keep(key: string, connection: NativeConnection): void {
    idle.push({ key, connection });
    const oldest = idle.length > maximumIdle ? idle.shift() : undefined;
    if (oldest) engine.close(oldest.connection);
  }

  return {
    async use(scope, leavesNoTrace, run) {
      const key = JSON.stringify([scope.database, scope.roles, [...scope.settings]]);
      const connection = take(key) ?? (await open(scope));
      let isClean = false;
      try {
        const result = await run(connection);
        isClean = leavesNoTrace;
        return result;
      } finally {
        if (isClean) keep(key, connection);
        else engine.close(connection);
      }
    },
    closeAll() {
      for (const { connection } of idle.splice(0)) engine.close(connection);
    },
  };
}
