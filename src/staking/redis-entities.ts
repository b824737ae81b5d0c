import type { EntityStore } from "../activities/staking/bridge-ports.ts";
import { connectRedis, type RedisConnection } from "./redis-connection.ts";
import { entityKey } from "./redis-keys.ts";

/** In one step: a hash that was unlinked meanwhile must not come back as one field. */
const setWhereItStands =
  "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'transactionHash', ARGV[1]) end return 1";

/** The requests' hashes, over one connection that is opened when it is needed and again after Redis was away. */
export function createEntityStore(url: string): EntityStore & { close(): Promise<void> } {
  let open: RedisConnection | undefined;
  let opening: Promise<RedisConnection> | undefined;
  const connect = async (): Promise<RedisConnection> => {
    try {
      open = await connectRedis(url);
      return open;
    } finally {
      opening = undefined;
    }
  };
  /** Those that ask while it is opened share it. */
  const connection = async (): Promise<RedisConnection> => {
    if (open?.isOpen) return open;
    opening ??= connect();
    return opening;
  };
  return {
    async noteTransaction(entity, transactionHash) {
      const redis = await connection();
      await redis.run("EVAL", (client) =>
        client.eval(setWhereItStands, { keys: [entityKey(entity)], arguments: [transactionHash] }),
      );
    },
    async remove(entity) {
      const redis = await connection();
      await redis.run("UNLINK", (client) => client.unlink(entityKey(entity)));
    },
    async close() {
      await opening?.catch(() => undefined);
      open?.close();
    },
  };
}
