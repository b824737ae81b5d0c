import type { Hex } from "../chain.ts";

// What a user signed and what the contract is called with. Amounts and NFT ids are decimal strings: JSON has no bigint.

/** A request in its canonical form: checked, addresses in lower case, the signature in the one form the contract takes. */
export type StakeCall =
  | {
      readonly kind: "stake";
      /** Whose DIP is staked; in no EIP-712 struct, so it is the recovered signer. */
      readonly owner: Hex;
      /** NFT id (uint96) of the bundle. */
      readonly target: string;
      /** DIP in its smallest unit. */
      readonly dipAmount: string;
      /** bytes32. */
      readonly signatureId: Hex;
      /** 65 bytes, v 27 or 28, low s. A bearer token until it is broadcast: never logged. */
      readonly signature: Hex;
    }
  | {
      readonly kind: "restake";
      readonly owner: Hex;
      /** NFT id (uint96) of the stake that moves. */
      readonly stakeId: string;
      /** NFT id of the new bundle. */
      readonly target: string;
      readonly signatureId: Hex;
      readonly signature: Hex;
    };

/** Why a request was refused, waits or failed: a code that programs read, and a sentence for its user. */
export type StakeReason = { readonly code: string; readonly message: string };

/** Where a request stands; the last eight are final. */
export type StakeState =
  | "checking"
  /** For the user (allowance, balance), a date or the service; `reason` says which. */
  | "waiting"
  | "queued"
  | "broadcast"
  | "mined"
  | "succeeded"
  /** Somebody else submitted it: the user is served. */
  | "fulfilled_externally"
  /** Somebody used the signature up and nothing was staked: the user signs again. */
  | "signature_burned"
  | "refused"
  /** Mined and reverted; never sent again by itself. */
  | "reverted"
  | "expired"
  | "cancelled"
  | "failed";

/** What a look at the chain says of a request, before any gas. */
export type CheckVerdict =
  | { readonly kind: "ready"; readonly gasLimit: string }
  /** May become right without a new signature. */
  | {
      readonly kind: "wait";
      readonly reason: StakeReason;
      readonly for: "user" | "date" | "chain";
      /** When to look again at the earliest, ISO; null: unknown. */
      readonly notBefore: string | null;
    }
  | {
      readonly kind: "refused";
      readonly reason: StakeReason;
      /** Whether the same request may be right on another day, so that it may be asked again. */
      readonly mayBeAskedAgain: boolean;
    }
  | {
      readonly kind: "fulfilled";
      readonly transactionHash: Hex;
      readonly stakeId: string | null;
      /** Whether the transaction came from our own signer; absent: not known. */
      readonly byUs?: boolean;
    }
  | { readonly kind: "burned"; readonly transactionHash: Hex | null };
