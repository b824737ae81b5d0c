import type { Hex } from "../../domain/chain.ts";
import type { StakeCall, StakeReason, StakeState } from "../../domain/staking/stake-call.ts";
import type { StakeOutcome } from "./messages.ts";

/** Where a request of the Redis stream came from: its hash is kept up to date and unlinked at the end. */
export type StreamEntity = {
  readonly type: "stake" | "restake";
  /** The ULID in the hash's name. */
  readonly entityId: string;
};

export type StakeRequestInput = {
  readonly v: 1;
  readonly chainId: number;
  readonly call: StakeCall;
  /** The address whose signer workflow sends it, lower case. */
  readonly signer: Hex;
  readonly source: "api" | "client" | "bridge";
  readonly actor: string;
  /** ISO. */
  readonly receivedAt: string;
  /** ISO; nothing is broadcast for it afterwards. */
  readonly expiresAt: string;
  readonly entity: StreamEntity | null;
  /** Set by continue-as-new only. */
  readonly state?: StakeRequestState;
};

/** What a request workflow carries over; its shape is the workflow's own. */
export type StakeRequestState = {
  readonly status: StakeRequestStatus;
  readonly checks: number;
  /** Transactions of it that were mined and reverted. */
  readonly reverts: number;
  readonly isCancelAsked: boolean;
  /** Heard from the signer and not acted on yet. */
  readonly outcome?: StakeOutcome | null;
};

/** A transaction of ours. */
export type MinedTransaction = {
  readonly nonce: number;
  readonly transactionHash: Hex;
  readonly blockNumber: number;
  readonly gasUsed: string;
};

export type StakeRequestStatus = {
  readonly requestId: string;
  readonly chainId: number;
  readonly kind: StakeCall["kind"];
  readonly owner: Hex;
  readonly target: string;
  readonly state: StakeState;
  readonly isFinal: boolean;
  readonly reason: StakeReason | null;
  readonly nonce: number | null;
  /** The newest broadcast; at the end the one that counts, which may be a stranger's: then the nonce is null. */
  readonly transactionHash: Hex | null;
  readonly blockNumber: number | null;
  readonly gasUsed: string | null;
  /** The newest transaction of ours for it that was mined and reverted, where another one counts, or none. */
  readonly revertedTransaction?: MinedTransaction;
  /** NFT id of the stake that came of it. */
  readonly stakeId: string | null;
  readonly receivedAt: string;
  readonly expiresAt: string;
  readonly updatedAt: string;
};
