import { randomBytes } from "node:crypto";
import {
  DefaultFailureConverter,
  defaultPayloadConverter,
  type Payload,
  type PayloadCodec,
} from "@temporalio/common";
import { loadDataConverter } from "@temporalio/common/lib/internal-non-workflow/data-converter-helpers.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, UnreadablePayloadError } from "../../../src/errors.ts";
import { createPayloadCodec, isEncrypted } from "../../../src/temporal/payload-codec.ts";
import { createStakingDataConverter } from "../../../src/temporal/staking-data-converter.ts";

const newKey = (id: string) => ({ id, key: randomBytes(32).toString("base64") });
const october = newKey("2026-10");
const november = newKey("2026-11");
const codec = createPayloadCodec([november]);
const signature = `0x${"5e".repeat(65)}`;

async function encode(payload: Payload, by: PayloadCodec = codec): Promise<Payload> {
  const [encoded] = await by.encode([payload]);
  if (encoded === undefined) throw new Error("nothing was encoded");
  return encoded;
}
async function decode(payload: Payload, by: PayloadCodec = codec): Promise<Payload | undefined> {
  return (await by.decode([payload]))[0];
}

const bytes = fc.uint8Array({ maxLength: 200 });
const payloads = fc.record({
  metadata: fc.dictionary(fc.string({ maxLength: 20 }), bytes, {
    maxKeys: 4,
    noNullPrototype: true,
  }),
  data: bytes,
});
const plain = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name, [...value]]),
  ),
  data: [...(data ?? [])],
});

describe("the codec of the staking service", () => {
  test("gives every payload back as it was", async () => {
    await fc.assert(
      fc.asyncProperty(payloads, async (payload) => {
        const back = await decode(await encode(payload));
        expect(plain(back ?? {})).toEqual(plain(payload));
      }),
    );
  });

  test("leaves neither the signature nor its encoding to be seen, and no two payloads alike", async () => {
    const payload = defaultPayloadConverter.toPayload({ signature });
    const [one, other] = [await encode(payload), await encode(payload)];
    const text = Buffer.from(one.data ?? []).toString("latin1");
    expect(text).not.toContain("5e5e");
    expect(text).not.toContain("json/plain");
    expect(one.data).not.toEqual(other.data);
    expect(Buffer.from(one.metadata?.["encryption-key-id"] ?? []).toString()).toBe("2026-11");
  });

  test("refuses what one changed bit made of a payload, wherever it stands", async () => {
    const payload = await encode(defaultPayloadConverter.toPayload({ signature }));
    const { data } = payload;
    if (!data) throw new Error("no data");
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: data.length - 1 }),
        fc.integer({ min: 0, max: 7 }),
        async (at, bit) => {
          const changed = Uint8Array.from(data);
          changed[at] = (changed[at] ?? 0) ^ (1 << bit);
          await expect(decode({ ...payload, data: changed })).rejects.toThrow(
            UnreadablePayloadError,
          );
        },
      ),
    );
  });

  test("refuses a payload that was cut, however short", async () => {
    const { metadata, data } = await encode(defaultPayloadConverter.toPayload("x"));
    for (let length = 0; length < (data?.length ?? 0); length += 1) {
      const cut: Payload = { metadata: metadata ?? null, data: data?.subarray(0, length) ?? null };
      await expect(decode(cut), `${length} bytes`).rejects.toThrow(UnreadablePayloadError);
    }
  });

  test("refuses a payload under the id of another of its keys", async () => {
    const both = createPayloadCodec([november, october]);
    const payload = await encode(defaultPayloadConverter.toPayload("x"), both);
    const moved = {
      ...payload,
      metadata: { ...payload.metadata, "encryption-key-id": Buffer.from("2026-10") },
    };
    await expect(decode(moved, both)).rejects.toThrow(UnreadablePayloadError);
  });

  test("refuses a payload under another id, even of a key with the same bytes", async () => {
    const sameKey = createPayloadCodec([november, { ...november, id: "copy" }]);
    const encoded = await encode(defaultPayloadConverter.toPayload(signature), sameKey);
    const moved = {
      ...encoded,
      metadata: { ...encoded.metadata, "encryption-key-id": Buffer.from("copy") },
    };
    await expect(decode(moved, sameKey)).rejects.toThrow(UnreadablePayloadError);
  });

  test("after a rotation the new key encrypts and the old one still decrypts", async () => {
    const before = createPayloadCodec([october]);
    const after = createPayloadCodec([november, october]);
    const old = await encode(defaultPayloadConverter.toPayload("old"), before);
    const young = await encode(defaultPayloadConverter.toPayload("young"), after);
    expect(defaultPayloadConverter.fromPayload((await decode(old, after)) ?? {})).toBe("old");
    expect(Buffer.from(young.metadata?.["encryption-key-id"] ?? []).toString()).toBe("2026-11");
    await expect(decode(young, before)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [UnreadablePayloadError: A payload of the staking service cannot be decrypted.
        key id: 2026-11
        keys here: 2026-10
        Fix: give every process the same STAKING_CODEC_KEYS; after a rotation the old key stays behind the new one.]
    `);
  });

  test("lets payloads of another encoding pass, as they were before there was a codec", async () => {
    const payload = defaultPayloadConverter.toPayload({ a: 1 });
    expect(await decode(payload)).toBe(payload);
    expect(isEncrypted(payload)).toBe(false);
    expect(await decode({})).toEqual({});
  });

  test("does not start without a key, or with one of another length", () => {
    expect(() => createPayloadCodec([])).toThrow(ConfigError);
    const short = { id: "short", key: randomBytes(16).toString("base64") };
    expect(() => createPayloadCodec([short])).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: A key of the payloads has the wrong length.
        key id: short
        bytes: 16, needed: 32
        Fix: make one with \`openssl rand -base64 32\`.]
    `);
    expect(() => createPayloadCodec([short])).not.toThrow(short.key);
  });
});

describe("the data converter of the staking service", () => {
  const converter = loadDataConverter(createStakingDataConverter([november]));

  test("hides messages and stacks of failures too", () => {
    expect(converter.failureConverter).toBeInstanceOf(DefaultFailureConverter);
    const error = new Error(`signature ${signature}`);
    const failure = converter.failureConverter.errorToFailure(error, defaultPayloadConverter);
    expect(failure.message).toBe("Encoded failure");
    expect(failure.stackTrace).toBe("");
    expect(failure.encodedAttributes).toBeTruthy();
  });
});
