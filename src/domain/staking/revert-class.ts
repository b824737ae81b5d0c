import type { CheckVerdict, StakeReason } from "./stake-call.ts";

/** What a revert means for the request that met it. */
export type RevertClass =
  /** Somebody used the signature: never success by itself, the transaction must be found. */
  | "signature_used"
  /** The same request can never be right. */
  | "permanent"
  /** Not now, and not by waiting: right only if the chain's state changes, so it may be asked again. */
  | "unsupported"
  /** Its user can make it right without a new signature. */
  | "user"
  /** Time makes it right. */
  | "date"
  /** Those who run the contract must make it right. */
  | "chain";

type Rule = {
  /** Part of the reason. */
  readonly text: string;
  readonly code: string;
  readonly class: RevertClass;
  readonly message: string;
};

/**
 * The reasons of @etherisc/registry-contracts 1.2.0, each simulated and forced on a chain, but for those that no state
 * of a test reaches: STK-001, STK-162, STK-292, CRG-030, CRG-090 (read in its source).
 */
const rules: readonly Rule[] = [
  {
    text: "SMH-001:",
    code: "SIGNATURE_USED",
    class: "signature_used",
    message: "This signature was used already.",
  },
  {
    text: "SMH-002:",
    code: "SIGNATURE_INVALID",
    class: "permanent",
    message: "The signature is not the owner's for this request on this chain.",
  },
  {
    text: "ECDSA: invalid signature",
    code: "SIGNATURE_MALFORMED",
    class: "permanent",
    message: "The contract cannot read the signature.",
  },
  {
    text: "STK-151:",
    code: "STAKING_AMOUNT_ZERO",
    class: "permanent",
    message: "The amount is zero.",
  },
  {
    text: "CRG-120:",
    code: "TARGET_UNKNOWN",
    class: "permanent",
    message: "There is no such target.",
  },
  {
    text: "CRG-090:",
    code: "OWNER_ZERO",
    class: "permanent",
    message: "The owner is the zero address.",
  },
  {
    text: "STK-001:",
    code: "DIFFERENT_CHAIN",
    class: "permanent",
    message: "The target belongs to another chain.",
  },
  {
    text: "STK-190:",
    code: "STAKE_UNKNOWN",
    class: "permanent",
    message: "There is no such stake.",
  },
  {
    text: "STK-290:",
    code: "DIP_BALANCE_INSUFFICIENT",
    class: "user",
    message: "The owner has not enough DIP.",
  },
  {
    text: "STK-291:",
    code: "DIP_ALLOWANCE_INSUFFICIENT",
    class: "user",
    message: "The owner has not allowed the staking contract to take so much DIP.",
  },
  {
    text: "STK-292:",
    code: "DIP_TRANSFER_FROM_FAILED",
    class: "user",
    message: "The owner's DIP could not be moved.",
  },
  {
    text: "STK-152:",
    code: "STAKING_NOT_SUPPORTED",
    class: "unsupported",
    message: "The target takes no stakes now: it has expired, is locked or closed.",
  },
  {
    text: "STK-161:",
    code: "RESTAKING_NOT_SUPPORTED",
    class: "unsupported",
    message: "The new target takes no stakes now: it has expired, is locked or closed.",
  },
  {
    text: "STK-160:",
    code: "UNSTAKING_NOT_SUPPORTED",
    class: "date",
    message: "The stake is still locked.",
  },
  {
    text: "STK-162:",
    code: "REWARD_RESERVES_INSUFFICIENT",
    class: "chain",
    message: "The contract's reward reserves do not cover the stake's rewards.",
  },
  {
    text: "CRG-030:",
    code: "SENDER_NOT_STAKING",
    class: "chain",
    message: "The registry does not know the staking contract.",
  },
];

/** A paused or half set up contract reverts without a word (no reward helper: every stake does). */
const silent: StakeReason = {
  code: "REVERTED_WITHOUT_REASON",
  message: "The contract refuses and gives no reason.",
};
/** Of a mined transaction whose node no longer has the state that it ran on. */
export const unexplainedRevert: StakeReason = {
  code: "REVERTED_UNEXPLAINED",
  message: "The transaction reverted; why is not known.",
};
const maximumReasonLength = 200;
/** Some nodes repeat the calldata, which holds the user's signature; hashes and addresses stay. */
const bytes = /(?:0x)?[0-9a-f]{65,}/gi;

/**
 * Says what a revert's reason means.
 * @param reason - the text of `Error(string)` or a node's message around it; null: none was given.
 */
export function classifyRevert(reason: string | null): {
  readonly class: RevertClass;
  readonly reason: StakeReason;
} {
  if (reason === null || reason === "") return { class: "chain", reason: silent };
  const rule = rules.find(({ text }) => reason.includes(text));
  if (rule !== undefined) {
    return { class: rule.class, reason: { code: rule.code, message: rule.message } };
  }
  const words = reason.replaceAll(bytes, "[bytes]").slice(0, maximumReasonLength);
  const message = `The contract refuses: ${words}`;
  return { class: "unsupported", reason: { code: "REVERTED", message } };
}

/**
 * The verdict of a revert; `signature_used` has none, because that must be looked up.
 * @param unlockedAt - ISO, when the stake that moves is free; null: unknown.
 */
export function verdictOfRevert(
  revert: { readonly class: Exclude<RevertClass, "signature_used">; readonly reason: StakeReason },
  unlockedAt: string | null,
): CheckVerdict {
  const { reason } = revert;
  if (revert.class === "permanent" || revert.class === "unsupported") {
    return { kind: "refused", reason, mayBeAskedAgain: revert.class === "unsupported" };
  }
  const notBefore = revert.class === "date" ? unlockedAt : null;
  return { kind: "wait", reason, for: revert.class, notBefore };
}
