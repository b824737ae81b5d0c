import type { StakingConfig } from "../config/load-config.ts";
import { RedisRefusedError } from "../errors.ts";
import { connectRedis, type RedisConnection } from "./redis-connection.ts";
import { referenceKeys } from "./redis-keys.ts";
import { readQueue } from "./redis-stream.ts";

/** What the monitor's alarms look at. */
export type QueueFacts = {
  /** The newest look at the queue; null: nobody has looked yet. */
  readonly lastCheck: Date | null;
  /** Delivered and not acknowledged, all of them. */
  readonly unacknowledged: number;
  /** When the message in hand was written; null: none is in hand. */
  readonly inHandSince: Date | null;
};

type RedisOptions = Pick<
  NonNullable<StakingConfig["redis"]>,
  "url" | "streamKey" | "group" | "shadow"
>;

/** Reads what the bridge keeps in Redis, over a connection of its own. @throws {RedisUnavailableError} @throws {RedisRefusedError} */
export async function readRedisFacts(options: RedisOptions): Promise<QueueFacts> {
  const redis = await connectRedis(options.url);
  try {
    const [lastCheck, timestamp, unacknowledged] = await Promise.all([
      redis.run("GET", (client) => client.get(referenceKeys.lastCheck)),
      redis.run("GET", (client) => client.get(referenceKeys.messageTimestamp)),
      countUnacknowledged(redis, options),
    ]);
    return { lastCheck: toDate(lastCheck), unacknowledged, inHandSince: toTime(timestamp) };
  } finally {
    redis.close();
  }
}

async function countUnacknowledged(
  redis: RedisConnection,
  { streamKey, group, shadow }: RedisOptions,
): Promise<number> {
  try {
    const { unacknowledged } = await readQueue(
      redis,
      streamKey,
      shadow ? `${group}-shadow` : group,
    );
    return unacknowledged;
  } catch (error) {
    // Before the bridge's first look there is no group.
    if (error instanceof RedisRefusedError && /NOGROUP/.test(error.message)) return 0;
    throw error;
  }
}

function toDate(text: string | null): Date | null {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : new Date(time);
}

/** Epoch milliseconds; -1 says that nothing is in hand. */
function toTime(text: string | null): Date | null {
  const time = text === null || text === "" ? Number.NaN : Number(text);
  return time > 0 && time < 8.64e15 ? new Date(time) : null;
}
