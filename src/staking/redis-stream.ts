import type {
  RequestStream,
  StoredEntity,
  StreamEntry,
  StreamSession,
} from "../activities/staking/bridge-ports.ts";
import { entryTime } from "../domain/staking/entry-time.ts";
import { RedisRefusedError } from "../errors.ts";
import type { StreamQueue } from "../workflows/staking/stake-activities.ts";
import { connectRedis, type RedisConnection } from "./redis-connection.ts";
import { entityKey, referenceKeys } from "./redis-keys.ts";
import { trimAcknowledged } from "./redis-trim.ts";

export type StreamOptions = {
  readonly url: string;
  readonly streamKey: string;
  readonly group: string;
  readonly consumer: string;
  readonly readBlockMs: number;
  readonly shadow: boolean;
  /** How long another consumer of the group may have an entry in hand before it counts as dead; default 5 minutes. */
  readonly claimAfterMs?: number;
  /** How long acknowledged entries stay; null: for ever. Default 30 days. */
  readonly keepAcknowledgedMs?: number | null;
};

const claimAfterMsDefault = 5 * 60_000;
const keepAcknowledgedMsDefault = 30 * 86_400_000;
/** Entries of one read: as many starts run side by side. */
const entriesPerRead = 16;

/**
 * The stream that the reference's producer writes. In shadow mode the group is `<group>-shadow`, so that the reference
 * goes on beside it.
 */
export function createRequestStream(options: StreamOptions): RequestStream {
  const group = options.shadow ? `${options.group}-shadow` : options.group;
  return {
    shadow: options.shadow,
    readBlockMs: options.readBlockMs,
    open: async () =>
      createSession(await connectRedis(options.url, options.readBlockMs), { ...options, group }),
  };
}

function createSession(redis: RedisConnection, options: StreamOptions): StreamSession {
  const { streamKey, group, consumer } = options;
  /** The last look of any loop before this session made the group, ISO; null: the group is the one it was. */
  let lookedAt: string | null = null;
  const read = async (id: string, waitMs?: number): Promise<StreamEntry[]> => {
    const wait = waitMs === undefined ? [] : ["BLOCK", String(Math.max(1, Math.round(waitMs)))];
    // As a raw command: the library's own cannot read an entry that was deleted while it was in hand.
    const reply = await redis.run("XREADGROUP", (client) =>
      client.sendCommand<unknown>([
        "XREADGROUP",
        "GROUP",
        group,
        consumer,
        "COUNT",
        String(entriesPerRead),
        ...wait,
        "STREAMS",
        streamKey,
        id,
      ]),
    );
    return toEntries(reply).map((entry) =>
      isBefore(entry, lookedAt) ? { ...entry, wasGiven: true } : entry,
    );
  };
  return {
    async prepare() {
      const isNew = await createGroup(redis, streamKey, group);
      lookedAt = isNew
        ? await redis.run("GET", (client) => client.get(referenceKeys.lastCheck))
        : null;
      return claimOfTheDead(redis, options);
    },
    readOwn: (afterId) => read(afterId),
    readNew: (waitMs) => read(">", waitMs),
    loadEntity: (entity) => loadHash(redis, entityKey(entity)),
    async acknowledge(entryId) {
      await redis.run("XACK", (client) => client.xAck(streamKey, group, entryId));
    },
    async removeEntity(entity) {
      await redis.run("UNLINK", (client) => client.unlink(entityKey(entity)));
    },
    queue: () => readQueue(redis, streamKey, group),
    async noteCheck(at) {
      await redis.run("SET", (client) => client.set(referenceKeys.lastCheck, at.toISOString()));
    },
    async noteInHand(timestampMs) {
      const value = timestampMs === null ? "-1" : String(timestampMs);
      await redis.run("SET", (client) => client.set(referenceKeys.messageTimestamp, value));
    },
    async trim(now) {
      const { keepAcknowledgedMs = keepAcknowledgedMsDefault } = options;
      if (keepAcknowledgedMs === null) return;
      await trimAcknowledged(redis, streamKey, now.getTime() - keepAcknowledgedMs);
    },
    close: () => redis.close(),
  };
}

async function loadHash(
  redis: RedisConnection,
  key: string,
): Promise<StoredEntity | "not a hash" | null> {
  try {
    const hash = await redis.run("HGETALL", (client) => client.hGetAll(key));
    return Object.keys(hash).length === 0 ? null : { ...hash };
  } catch (error) {
    if (error instanceof RedisRefusedError && /WRONGTYPE/.test(error.message)) return "not a hash";
    throw error;
  }
}

/** From id 0, so that what was written before the first start is served too. @returns whether there was none. */
async function createGroup(
  redis: RedisConnection,
  stream: string,
  group: string,
): Promise<boolean> {
  try {
    await redis.run("XGROUP CREATE", (client) =>
      client.xGroupCreate(stream, group, "0", { MKSTREAM: true }),
    );
    return true;
  } catch (error) {
    const exists = error instanceof RedisRefusedError && /BUSYGROUP/.test(error.message);
    if (!exists) throw error;
    return false;
  }
}

/** Entries change hands only here, and are then read as our own. @returns those that Redis found deleted. */
async function claimOfTheDead(redis: RedisConnection, options: StreamOptions): Promise<string[]> {
  const { streamKey, group, consumer, claimAfterMs = claimAfterMsDefault } = options;
  const deleted: string[] = [];
  let start = "0-0";
  do {
    const claimed = await redis.run("XAUTOCLAIM", (client) =>
      client.xAutoClaimJustId(streamKey, group, consumer, claimAfterMs, start, { COUNT: 100 }),
    );
    // Redis 6.2 does not tell them; it hands them over without fields.
    deleted.push(...(claimed.deletedMessages ?? []));
    start = claimed.nextId;
  } while (start !== "0-0");
  return deleted;
}

/** Of the whole group and not of the first entries only: the reference's alarm could not fire. */
export async function readQueue(
  redis: RedisConnection,
  stream: string,
  group: string,
): Promise<StreamQueue> {
  const { pending, firstId } = await redis.run("XPENDING", (client) =>
    client.xPending(stream, group),
  );
  return {
    unacknowledged: pending,
    oldestAt: firstId === null ? null : entryTime(firstId),
  };
}

function isBefore({ id }: StreamEntry, time: string | null): boolean {
  return time !== null && Date.parse(entryTime(id)) < Date.parse(time);
}

/** RESP2: `[[stream, [[id, [field, value, ...] or null], ...]]]`, or null where nothing came. */
function toEntries(reply: unknown): StreamEntry[] {
  const [stream] = Array.isArray(reply) ? reply : [];
  const entries: unknown = Array.isArray(stream) ? stream[1] : [];
  return Array.isArray(entries) ? entries.map(toEntry) : [];
}

function toEntry(entry: unknown): StreamEntry {
  const [id, parts]: unknown[] = Array.isArray(entry) ? entry : [];
  if (!Array.isArray(parts)) return { id: String(id), fields: null };
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < parts.length; at += 2)
    fields[String(parts[at])] = String(parts[at + 1]);
  return { id: String(id), fields };
}
