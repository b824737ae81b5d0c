import type { Hex } from "../../domain/chain.ts";
import type { StakeCall } from "../../domain/staking/stake-call.ts";
import { refusal } from "../fault.ts";
import type {
  SignerPolicy,
  SignerSubmission,
  StakeOutcome,
  StakeProgress,
  WithdrawRequest,
} from "./messages.ts";

// Reads bodies of any JSON shape. Never throws: null is what cannot be acted on.

export const submissionHelp =
  'write {"requestId":"stake/<chainId>/<hash>","call":{…},"expiresAt":"<ISO time>"}';

/** The body of `submit`. */
export function readSubmission(body: unknown): SignerSubmission | null {
  if (!isObject(body)) return null;
  const { requestId, expiresAt } = body;
  const call = readCall(body["call"]);
  if (!call || !isText(requestId) || requestId.length > 200) return null;
  return isTime(expiresAt) ? { requestId, call, expiresAt } : null;
}

/** A request in its canonical form. */
export function readCall(value: unknown): StakeCall | null {
  if (!isObject(value)) return null;
  const { owner, target, signatureId, signature } = value;
  if (!isHex(owner, 20) || !isDecimal(target) || !isHex(signatureId, 32)) return null;
  if (!isHex(signature, 65)) return null;
  const common = { owner, target, signatureId, signature };
  const { kind, dipAmount, stakeId } = value;
  if (kind === "stake" && isDecimal(dipAmount)) return { kind, ...common, dipAmount };
  if (kind === "restake" && isDecimal(stakeId)) return { kind, ...common, stakeId };
  return null;
}

/** The body of `withdraw`. */
export function readWithdrawal(body: unknown): WithdrawRequest | null {
  if (!isObject(body)) return null;
  const { requestId, why } = body;
  if (!isText(requestId)) return null;
  return why === "cancelled" || why === "expired" ? { requestId, why } : null;
}

/** The body of `progressed`; our signer sends it, so only its outline is looked at. */
export function readProgress(body: unknown): StakeProgress | null {
  if (!isObject(body)) return null;
  const { stage, nonce, transactionHash, blockNumber, waitingFor } = body;
  if (stage !== "queued" && stage !== "broadcast" && stage !== "mined") return null;
  return {
    stage,
    nonce: typeof nonce === "number" ? nonce : null,
    transactionHash: isHex(transactionHash, 32) ? transactionHash : null,
    blockNumber: typeof blockNumber === "number" ? blockNumber : null,
    waitingFor: readReason(waitingFor),
  };
}

const outcomeKinds = ["succeeded", "reverted", "returned", "cancelled", "expired"];

/** The body of `settled`; our signer sends it, so only its outline is looked at. */
export function readOutcome(body: unknown): StakeOutcome | null {
  return isOutcome(body) ? body : null;
}

function isOutcome(body: unknown): body is StakeOutcome {
  if (!isObject(body) || !outcomeKinds.includes(String(body["kind"]))) return false;
  const { kind, verdict, transactionHash } = body;
  if ((kind === "returned" || kind === "reverted") && !isObject(verdict)) return false;
  return kind === "succeeded" || kind === "reverted" ? isHex(transactionHash, 32) : true;
}

function readReason(value: unknown): StakeProgress["waitingFor"] {
  if (!isObject(value)) return null;
  const { code, message } = value;
  return isText(code) && isText(message) ? { code, message } : null;
}

const policyRules: Record<keyof SignerPolicy, { test: (value: unknown) => boolean; is: string }> = {
  maxFeePerGasWei: { test: isDecimal, is: "wei as a decimal text" },
  maxPriorityFeePerGasWei: {
    test: (value) => value === null || isDecimal(value),
    is: "wei as a decimal text, or null",
  },
  maxInFlight: { test: (value) => isWhole(value, 1, 16), is: "a whole number from 1 to 16" },
  queueLimit: { test: (value) => isWhole(value, 1, 1_000_000), is: "a whole number of 1 or more" },
  bumpAfterMs: { test: (value) => isWhole(value, 1, 604_800_000), is: "1 to 604800000" },
  rebroadcastAfterMs: { test: (value) => isWhole(value, 1, 604_800_000), is: "1 to 604800000" },
  reserveWei: { test: isDecimal, is: "wei as a decimal text" },
  perOwnerPerDay: {
    test: (value) => value === null || isWhole(value, 1, 1_000_000),
    is: "a whole number of 1 or more, or null",
  },
};

/**
 * The body of `setPolicy`: any of a policy's fields; the others stay.
 * @throws RequestRefusedError (as a failure of the workflow) naming the first field that is wrong.
 */
export function readPolicy(body: unknown, current: SignerPolicy): SignerPolicy {
  if (!isObject(body) || Object.keys(body).length === 0) {
    throw refusal(`write any of ${Object.keys(policyRules).join(", ")}`);
  }
  for (const [name, value] of Object.entries(body)) {
    const rule = Object.entries(policyRules).find(([known]) => known === name)?.[1];
    if (!rule) {
      throw refusal(`a policy has no ${name}; it has ${Object.keys(policyRules).join(", ")}`);
    }
    if (!rule.test(value)) throw refusal(`${name} is not ${rule.is}`);
  }
  return { ...current, ...body };
}

/** The body of `bump`: one nonce, or nothing for all in flight. */
export function readBump(body: unknown): { nonce: number | null } | null {
  if (body === undefined || body === null) return { nonce: null };
  if (!isObject(body)) return null;
  const { nonce } = body;
  if (nonce === undefined || nonce === null) return { nonce: null };
  return isWhole(nonce, 0, Number.MAX_SAFE_INTEGER) ? { nonce } : null;
}

export function isAddress(value: unknown): value is Hex {
  return isHex(value, 20);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isHex(value: unknown, bytes: number): value is Hex {
  return typeof value === "string" && new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`).test(value);
}

function isDecimal(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,78}$/.test(value);
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isWhole(value: unknown, from: number, to: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= from && Number(value) <= to;
}
