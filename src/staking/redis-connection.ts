import { createClient, ErrorReply } from "@redis/client";
import { RedisRefusedError, RedisUnavailableError } from "../errors.ts";

export type RedisClient = ReturnType<typeof openClient>;

/** One connection. It never comes back by itself: whoever needs Redis again opens a new one. */
export type RedisConnection = {
  /** False once the connection is gone. */
  readonly isOpen: boolean;
  /**
   * Runs a command. @param name - for the error's text.
   * @throws {RedisUnavailableError} @throws {RedisRefusedError}
   */
  readonly run: <Answer>(
    name: string,
    command: (client: RedisClient) => Promise<Answer>,
  ) => Promise<Answer>;
  /** Ends it at once; commands under way fail. */
  readonly close: () => void;
};

const connectTimeoutMs = 5_000;
/** An answer takes milliseconds; a silent server is given up after this, beside the time that a read waits by itself. */
const silenceMs = 10_000;

/** Words of Redis that mean "not now": it loads, fails over, or runs a script. */
const unavailableWords = /^(LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|TRYAGAIN|BUSY|MISCONF)\b/;

/**
 * Connects once.
 * @param url - redis:// or rediss://, may hold a password; never part of an error.
 * @param longestWaitMs - the longest that a blocking read waits.
 * @throws {RedisUnavailableError} @throws {RedisRefusedError}
 */
export async function connectRedis(url: string, longestWaitMs = 0): Promise<RedisConnection> {
  const client = openClient(url, longestWaitMs);
  // An error without a listener would end the process; whoever has a command under way hears it too.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    throw toRedisError("CONNECT", error);
  }
  return {
    get isOpen() {
      return client.isReady;
    },
    run: async (name, command) => {
      try {
        return await command(client);
      } catch (error) {
        throw toRedisError(name, error);
      }
    },
    close: () => {
      if (client.isOpen) client.destroy();
    },
  };
}

function openClient(url: string, longestWaitMs: number) {
  return createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectTimeoutMs,
      socketTimeout: longestWaitMs + silenceMs,
      reconnectStrategy: false,
    },
  });
}

/** The library's errors can hold hosts and arguments: only code and first words go on. */
function toRedisError(command: string, error: unknown): RedisUnavailableError | RedisRefusedError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ErrorReply) {
    const reason = message.split("\n", 1)[0]?.slice(0, 200) ?? "";
    return unavailableWords.test(message)
      ? new RedisUnavailableError({ reason: `${command}: ${reason}` })
      : new RedisRefusedError({ command, reason });
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new RedisUnavailableError({
    reason: `${command}: ${code || (error instanceof Error ? error.constructor.name : "no answer")}`,
  });
}
