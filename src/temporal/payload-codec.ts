import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Payload, PayloadCodec } from "@temporalio/common";
import { ConfigError, UnreadablePayloadError } from "../errors.ts";
import { fromBytes, toBytes } from "./payload-bytes.ts";

/** A key of the codec, as the configuration gives it. */
export type CodecKey = {
  /** Stands in clear beside each payload, so that old ones are read after a rotation. */
  readonly id: string;
  /** 32 bytes in base64. */
  readonly key: string;
};

const encoding = "binary/encrypted";
const cipherName = "aes-256-gcm";
const keyBytes = 32;
/** What GCM takes without hashing it first (NIST SP 800-38D, 5.2.1.1). */
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts whole payloads with AES-256-GCM, so that Temporal never holds a user's signature in clear. Payloads of
 * another encoding pass `decode` as they are: those of before, and what the server itself writes.
 * @param keys - The first encrypts, all decrypt.
 * @throws {ConfigError} without a key, and for one that is not 32 bytes. `decode` throws {@link UnreadablePayloadError}.
 */
export function createPayloadCodec(keys: readonly CodecKey[]): PayloadCodec {
  const secrets = new Map(keys.map(({ id, key }) => [id, readKey(id, key)]));
  const [first] = secrets;
  if (first === undefined) {
    throw new ConfigError("The staking service has no key for its payloads.", {
      fix: "set STAKING_CODEC_KEYS=id:key in all of its processes; `openssl rand -base64 32` makes a key.",
    });
  }
  const [currentId, currentSecret] = first;
  return {
    encode: async (payloads) =>
      payloads.map((payload) => encrypt(payload, currentId, currentSecret)),
    decode: async (payloads) =>
      payloads.map((payload) => (isEncrypted(payload) ? decrypt(payload, secrets) : payload)),
  };
}

/** Whether a payload is one that `encode` made. */
export function isEncrypted({ metadata }: Payload): boolean {
  return readText(metadata?.["encoding"]) === encoding;
}

function readKey(id: string, key: string): Buffer {
  const secret = Buffer.from(key, "base64");
  if (secret.length === keyBytes) return secret;
  throw new ConfigError("A key of the payloads has the wrong length.", {
    facts: [`key id: ${id}`, `bytes: ${secret.length}, needed: ${keyBytes}`],
    fix: "make one with `openssl rand -base64 32`.",
  });
}

function encrypt(payload: Payload, id: string, secret: Buffer): Payload {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, secret, nonce, { authTagLength: tagBytes });
  cipher.setAAD(boundTo(id));
  const hidden = [cipher.update(toBytes(payload)), cipher.final()];
  return {
    metadata: { encoding: Buffer.from(encoding), "encryption-key-id": Buffer.from(id) },
    data: Buffer.concat([nonce, ...hidden, cipher.getAuthTag()]),
  };
}

function decrypt({ metadata, data }: Payload, secrets: ReadonlyMap<string, Buffer>): Payload {
  const id = readText(metadata?.["encryption-key-id"]);
  const secret = secrets.get(id);
  if (secret === undefined) {
    const known = [...secrets.keys()].join(", ");
    throw new UnreadablePayloadError({ keyId: id, reason: `keys here: ${known}` });
  }
  const bytes = Buffer.from(data ?? []);
  try {
    const nonce = bytes.subarray(0, nonceBytes);
    const decipher = createDecipheriv(cipherName, secret, nonce, { authTagLength: tagBytes });
    decipher.setAAD(boundTo(id));
    decipher.setAuthTag(bytes.subarray(Math.max(nonceBytes, bytes.length - tagBytes)));
    const hidden = bytes.subarray(nonceBytes, bytes.length - tagBytes);
    return fromBytes(Buffer.concat([decipher.update(hidden), decipher.final()]));
  } catch {
    // OpenSSL's reason says nothing more, and protobufjs's may quote what was decrypted.
    const reason = "its bytes are not those that this key encrypted";
    throw new UnreadablePayloadError({ keyId: id, reason });
  }
}

/** Authenticated with the data, so that nobody can give a payload another key's id. */
function boundTo(id: string): Buffer {
  return Buffer.from(`${encoding} ${id}`);
}

function readText(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}
