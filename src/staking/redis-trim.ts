import type { RedisConnection } from "./redis-connection.ts";

/**
 * Removes entries that are older than a time and acknowledged by EVERY group: the oldest that any group has in hand or
 * was not given yet stays, whoever reads it. Approximate: Redis removes whole nodes of the stream only.
 */
export async function trimAcknowledged(
  redis: RedisConnection,
  stream: string,
  beforeMs: number,
): Promise<void> {
  const groups = await redis.run("XINFO GROUPS", (client) => client.xInfoGroups(stream));
  let keepFrom = `${Math.max(0, Math.floor(beforeMs))}-0`;
  for (const group of groups) {
    const { firstId } = await redis.run("XPENDING", (client) =>
      client.xPending(stream, group.name),
    );
    const needed = firstId ?? group["last-delivered-id"];
    if (isBefore(needed, keepFrom)) keepFrom = needed;
  }
  await redis.run("XTRIM", (client) =>
    client.sendCommand(["XTRIM", stream, "MINID", "~", keepFrom]),
  );
}

function isBefore(left: string, right: string): boolean {
  const [leftMs = 0n, leftNumber = 0n] = left.split("-").map(BigInt);
  const [rightMs = 0n, rightNumber = 0n] = right.split("-").map(BigInt);
  return leftMs === rightMs ? leftNumber < rightNumber : leftMs < rightMs;
}
