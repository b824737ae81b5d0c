import { randomBytes } from "node:crypto";
import type { TestRedisClient } from "./redis.ts";

// What the reference's producer (the UI's routes) writes, by the same Redis commands.

export const streamKey = "feeless:signatures";

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID of now, as redis-om draws them. */
export function newUlid(): string {
  let time = Date.now();
  const letters: string[] = [];
  for (let at = 0; at < 10; at += 1) {
    letters.unshift(crockford[time % 32] ?? "0");
    time = Math.floor(time / 32);
  }
  return letters.join("") + [...randomBytes(16)].map((byte) => crockford[byte % 32]).join("");
}

/** 65 bytes of the form that the contract takes, signed by nobody. */
export function newSignature(): string {
  return `0x${randomBytes(32).toString("hex")}00${randomBytes(31).toString("hex")}1b`;
}

export type StakeHash = Record<string, string>;

/** Fields of `PendingStake:<ulid>`; `overrides` with undefined leave a field out. */
export function stakeHash(overrides: Readonly<Record<string, string | undefined>> = {}): StakeHash {
  return withOverrides(
    {
      owner: `0x${randomBytes(20).toString("hex")}`,
      targetNftId: "73133705",
      dipAmount: "5000000000000000000000",
      signatureId: randomBytes(16).toString("base64url").slice(0, 21),
      signature: newSignature(),
      timestamp: String(Date.now() / 1000),
    },
    overrides,
  );
}

/** Fields of `PendingRestake:<ulid>`. */
export function restakeHash(
  overrides: Readonly<Record<string, string | undefined>> = {},
): StakeHash {
  const { dipAmount: _, ...fields } = stakeHash();
  return withOverrides({ ...fields, stakeNftId: "93133705", targetNftId: "83133705" }, overrides);
}

function withOverrides(
  fields: StakeHash,
  overrides: Readonly<Record<string, string | undefined>>,
): StakeHash {
  const merged = { ...fields, ...overrides };
  return Object.fromEntries(
    Object.entries(merged).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

export type ProducedRequest = {
  readonly type: "stake" | "restake";
  readonly entityId: string;
  readonly key: string;
  readonly entryId: string;
  readonly hash: StakeHash;
};

/** Saves the hash in one transaction, as redis-om does, then adds the entry to the stream. */
export async function produce(
  redis: TestRedisClient,
  type: "stake" | "restake" = "stake",
  hash: StakeHash = type === "stake" ? stakeHash() : restakeHash(),
): Promise<ProducedRequest> {
  const entityId = newUlid();
  const key = `${type === "stake" ? "PendingStake" : "PendingRestake"}:${entityId}`;
  await redis.multi().unlink(key).hSet(key, hash).exec();
  return { type, entityId, key, hash, entryId: await addEntry(redis, { entityId, type }) };
}

/** Adds an entry alone. */
export function addEntry(
  redis: TestRedisClient,
  fields: Readonly<Record<string, string>>,
): Promise<string> {
  return redis.xAdd(streamKey, "*", fields);
}
