import * as fc from "fast-check";
import { expect, test } from "vitest";
import type {
  StoredEntity,
  StreamSession,
} from "../../../../src/activities/staking/bridge-ports.ts";
import { readEntry } from "../../../../src/activities/staking/read-entry.ts";
import { newSignature, newUlid, stakeHash } from "../../../support/stake-producer.ts";

const unused = () => Promise.reject(new Error("nothing else is asked"));

/** A session that knows one hash, whatever is asked. */
function sessionWith(hash: StoredEntity | null): StreamSession {
  return {
    loadEntity: async () => hash,
    prepare: unused,
    readOwn: unused,
    readNew: unused,
    acknowledge: unused,
    removeEntity: unused,
    queue: unused,
    noteCheck: unused,
    noteInHand: unused,
    trim: unused,
    close() {},
  };
}

const names = [
  "owner",
  "targetNftId",
  "dipAmount",
  "stakeNftId",
  "signatureId",
  "signature",
  "timestamp",
];
const anyText = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.bigInt().map(String));

test("whatever an entry and its hash hold, it is a request or poison with words, and never an error", async () => {
  const entry = fc.dictionary(fc.constantFrom("type", "entityId", "x"), anyText);
  const hash = fc.dictionary(fc.constantFrom(...names), anyText);
  await fc.assert(
    fc.asyncProperty(entry, hash, fc.boolean(), async (fields, stored, isWellFormed) => {
      const named = isWellFormed ? { type: "stake", entityId: newUlid() } : fields;
      const read = await readEntry(sessionWith(stored), { id: "1-0", fields: named });
      if (read.kind === "poison") {
        expect(read.code).toMatch(/^[A-Z_]+$/);
        expect(read.message.length).toBeGreaterThan(10);
      }
    }),
  );
});

test("one garbled field of a good request makes it poison, and its words tell nothing of the signature", async () => {
  const garbage = fc.constantFrom("", "x", "-1", "0x", "1e9", " 1", "\u0000", "9".repeat(100));
  const field = fc.constantFrom("owner", "targetNftId", "dipAmount", "signature");
  await fc.assert(
    fc.asyncProperty(field, garbage, async (name, value) => {
      const signature = newSignature();
      const stored = stakeHash({ signature, [name]: value });
      const fields = { type: "stake", entityId: newUlid() };
      const read = await readEntry(sessionWith(stored), { id: "1-0", fields });
      expect(read.kind).toBe("poison");
      expect(JSON.stringify(read)).not.toContain(signature.slice(2, 30));
    }),
  );
});

test.each([
  ["1795307578.255", 1_795_307_578_255],
  ["1795307578", 1_795_307_578_000],
  ["", null],
  ["yesterday", null],
  ["-1", null],
])("a timestamp of %j seconds is %j ms", async (timestamp, expected) => {
  const fields = { type: "stake", entityId: newUlid() };
  const stored = stakeHash({ timestamp });
  const read = await readEntry(sessionWith(stored), { id: "1-0", fields });
  expect(read).toMatchObject({ kind: "request", timestampMs: expected });
});

test("a hash that is gone is no fault of an entry that was given to somebody before", async () => {
  const entry = { id: "1-0", fields: { type: "stake", entityId: newUlid() } };
  const read = (wasGiven: object) => readEntry(sessionWith(null), { ...entry, ...wasGiven });
  expect(await read({ wasGiven: true })).toMatchObject({ kind: "served" });
  expect(await read({})).toMatchObject({ kind: "poison", code: "ENTITY_MISSING" });
});
