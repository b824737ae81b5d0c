import type { Hex } from "../chain.ts";
import { canonicalSignature } from "./signature-form.ts";
import type { StakeCall, StakeReason } from "./stake-call.ts";

/** A request as HTTP bodies, files and the stream's hashes carry it; nothing of it is trusted. */
export type StakeCallFields = {
  readonly kind: StakeCall["kind"];
  readonly owner?: unknown;
  /** NFT id of the (new) bundle. */
  readonly target?: unknown;
  /** Of a stake. */
  readonly dipAmount?: unknown;
  /** Of a restake: NFT id of the stake that moves. */
  readonly stakeId?: unknown;
  /** A text of 1 to 31 bytes, as the UI draws it, or the bytes32 that was made of it. */
  readonly signatureId?: unknown;
  readonly signature?: unknown;
};
export type ParsedStakeCall =
  | { readonly kind: "parsed"; readonly call: StakeCall }
  /** One reason for each field that is wrong. */
  | { readonly kind: "refused"; readonly reasons: readonly StakeReason[] };

const maxUint96 = 2n ** 96n - 1n;
const maxUint256 = 2n ** 256n - 1n;
/** The 32nd byte is the end of the text (ethers v5 formatBytes32String, which the UI calls). */
const textBytes = 31;

/** Reads a request into its canonical form; never throws, and tells everything that is wrong at once. */
export function parseStakeCall(fields: StakeCallFields): ParsedStakeCall {
  const reasons: StakeReason[] = [];
  const take = <Value>(read: Read<Value>): Value | null => {
    if ("reason" in read) reasons.push(read.reason);
    return "value" in read ? read.value : null;
  };
  const owner = take(readAddress("owner", fields.owner));
  const target = take(readNumber("target", fields.target, maxUint96));
  const dipAmount =
    fields.kind === "stake" ? take(readNumber("dipAmount", fields.dipAmount, maxUint256)) : "0";
  const stakeId =
    fields.kind === "restake" ? take(readNumber("stakeId", fields.stakeId, maxUint96)) : "0";
  const signatureId = take(readSignatureId(fields.signatureId));
  const signature = take(readSignature(fields.signature));
  if (
    owner === null ||
    target === null ||
    dipAmount === null ||
    stakeId === null ||
    signatureId === null ||
    signature === null
  ) {
    return { kind: "refused", reasons };
  }
  const shared = { owner, target, signatureId, signature };
  return {
    kind: "parsed",
    call:
      fields.kind === "stake"
        ? { kind: "stake", ...shared, dipAmount }
        : { kind: "restake", ...shared, stakeId },
  };
}

/** The bytes32 of a text, left-aligned, as ethers v5 makes it; null where it is empty or longer than 31 bytes. */
export function textToBytes32(text: string): Hex | null {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === 0 || bytes.length > textBytes) return null;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `0x${digits.padEnd(64, "0")}`;
}

type Read<Value> = { readonly value: Value } | { readonly reason: StakeReason };

function readAddress(field: string, value: unknown): Read<Hex> {
  if (typeof value === "string" && /^0x[0-9a-f]{40}$/i.test(value)) {
    const address: Hex = `0x${value.slice(2).toLowerCase()}`;
    if (BigInt(address) !== 0n) return { value: address };
  }
  return wrong(field, "must be an address: 0x and 40 hexadecimal digits, not all zero");
}

/** A decimal text, or a number that JSON carries without loss; zero is the contract's to refuse. */
function readNumber(field: string, value: unknown, maximum: bigint): Read<string> {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== "string" || !/^\d{1,78}$/.test(text) || BigInt(text) > maximum) {
    const bits = maximum === maxUint96 ? 96 : 256;
    return wrong(field, `must be a decimal number of at most ${bits} bits`);
  }
  return { value: BigInt(text).toString() };
}

function readSignatureId(value: unknown): Read<Hex> {
  const field = "signatureId";
  if (typeof value !== "string") return wrong(field, "must be a text");
  if (/^0x[0-9a-f]{64}$/i.test(value)) return { value: `0x${value.slice(2).toLowerCase()}` };
  const bytes = textToBytes32(value);
  return bytes === null ? wrong(field, `must have 1 to ${textBytes} bytes`) : { value: bytes };
}

function readSignature(value: unknown): Read<Hex> {
  if (typeof value !== "string") return wrong("signature", "must be a text");
  const form = canonicalSignature(value);
  return form.kind === "canonical" ? { value: form.signature } : { reason: form.reason };
}

function wrong(field: string, how: string): Read<never> {
  return { reason: { code: "FIELD_INVALID", message: `${field} ${how}.` } };
}
