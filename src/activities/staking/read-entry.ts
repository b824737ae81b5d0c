import { parseStakeCall } from "../../domain/staking/parse-stake-call.ts";
import type { StakeCall } from "../../domain/staking/stake-call.ts";
import type { StreamEntity } from "../../workflows/staking/request-shapes.ts";
import type { StoredEntity, StreamEntry, StreamSession } from "./bridge-ports.ts";

/** What an entry of the stream says. */
export type ReadEntry = {
  readonly entryId: string;
  /** Null where the entry names none. */
  readonly entity: StreamEntity | null;
  /** When the producer saved it, epoch milliseconds; null where it does not say. */
  readonly timestampMs: number | null;
} & (
  | { readonly kind: "request"; readonly entity: StreamEntity; readonly call: StakeCall }
  /** Its request has ended: the hash went then. */
  | { readonly kind: "served" }
  /** No request can be made of it, now or later. */
  | { readonly kind: "poison"; readonly code: string; readonly message: string }
);

/** 26 letters of Crockford's base 32, the first at most 7: what redis-om names its hashes with. */
const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;

/** Reads an entry and its hash; whoever can POST to the producer writes them, so nothing is trusted. */
export async function readEntry(session: StreamSession, entry: StreamEntry): Promise<ReadEntry> {
  const nothing = { entryId: entry.id, entity: null, timestampMs: null };
  if (entry.fields === null) {
    return poison(nothing, "ENTRY_DELETED", "The entry was deleted before it was served.");
  }
  const { type = "", entityId = "" } = entry.fields;
  if (type !== "stake" && type !== "restake") {
    return poison(nothing, "TYPE_UNKNOWN", "The entry's type is neither stake nor restake.");
  }
  if (!ulid.test(entityId)) {
    return poison(nothing, "ENTITY_ID_INVALID", "The entry's entityId is no ULID.");
  }
  const entity: StreamEntity = { type, entityId };
  const hash = await session.loadEntity(entity);
  if (hash === "not a hash") {
    return poison({ ...nothing, entity }, "ENTITY_NOT_A_HASH", "The entry's key holds no hash.");
  }
  if (hash === null && entry.wasGiven) return { kind: "served", ...nothing, entity };
  if (hash === null) {
    return poison(
      { ...nothing, entity },
      "ENTITY_MISSING",
      "The hash of the entry is gone: it was served before, or was never saved.",
    );
  }
  const known = { entryId: entry.id, entity, timestampMs: readTimestamp(hash) };
  const parsed = parseStakeCall(fieldsOf(type, hash));
  if (parsed.kind === "parsed") return { kind: "request", ...known, call: parsed.call };
  const [first] = parsed.reasons;
  return poison(
    known,
    first?.code ?? "FIELD_INVALID",
    parsed.reasons.map(({ message }) => message).join(" "),
  );
}

function poison(
  known: Pick<ReadEntry, "entryId" | "entity" | "timestampMs">,
  code: string,
  message: string,
): ReadEntry {
  return { kind: "poison", ...known, code, message };
}

/** The names of the producer's fields; a restake's `targetNftId` is the new target. */
function fieldsOf(kind: StreamEntity["type"], hash: StoredEntity) {
  return {
    kind,
    owner: hash["owner"],
    target: hash["targetNftId"],
    dipAmount: hash["dipAmount"],
    stakeId: hash["stakeNftId"],
    signatureId: hash["signatureId"],
    signature: hash["signature"],
  };
}

/** Epoch seconds with a fraction, as redis-om writes dates. */
function readTimestamp({ timestamp }: StoredEntity): number | null {
  const seconds = Number(timestamp);
  return timestamp && Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds * 1000) : null;
}
