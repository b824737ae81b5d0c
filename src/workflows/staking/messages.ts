import type { Hex } from "../../domain/chain.ts";
import type { CheckVerdict, StakeCall, StakeReason } from "../../domain/staking/stake-call.ts";

// Names of everything that crosses the border of the staking workflows, and the bodies of their messages. No Node
// imports: the sandbox loads it. Payloads go through the codec (they hold users' signatures); ids, names and search
// attributes do not. What goes in and comes out stands in request-shapes.ts, signer-shapes.ts, bridge-shapes.ts and
// stake-activities.ts.

export const stakeMessageNames = {
  // of a request
  cancel: "cancel",
  progressed: "progressed",
  settled: "settled",
  status: "status",
  // of a signer (also status)
  submit: "submit",
  withdraw: "withdraw",
  pause: "pause",
  resume: "resume",
  setPolicy: "setPolicy",
  bump: "bump",
  // of the bridge (also pause and resume)
  progress: "progress",
} as const;

export const stakeWorkflowTypes = {
  request: "stakeRequestWorkflow",
  signer: "signerWorkflow",
  bridge: "stakeBridgeWorkflow",
} as const;

export const stakeWorkflowIds = {
  /** @param signatureHash - keccak256 of the canonical 65 bytes: the contract's own key against replays. */
  request: (chainId: number, signatureHash: Hex) => `stake/${chainId}/${signatureHash}`,
  /** @param address - in lower case. */
  signer: (chainId: number, address: Hex) => `signer/${chainId}/${address}`,
  bridge: (chainId: number) => `stake-bridge/${chainId}`,
} as const;

export const stakeTaskQueues = {
  /** Workflow tasks of the staking workflows, and their activities but one. */
  transactions: (chainId: number) => `tx-${chainId}`,
  /** Only `signTransactions`: only this queue's worker holds a key. */
  signer: (chainId: number) => `signer-${chainId}`,
} as const;

/** Body of `submit`, signal and update alike. */
export type SignerSubmission = {
  /** The id of the request workflow, which hears `progressed` and `settled`. */
  readonly requestId: string;
  readonly call: StakeCall;
  readonly expiresAt: string;
};

export type SubmitAnswer = {
  readonly requestId: string;
  /** 1 = next; 0 = it has its nonce already. */
  readonly position: number;
};

/** Body of `withdraw`: a queued request leaves; a broadcast one races a NOOP at its nonce. Answered by `settled`. */
export type WithdrawRequest = { readonly requestId: string; readonly why: "cancelled" | "expired" };

/** Body of `progressed`, signer to request. */
export type StakeProgress = {
  readonly stage: "queued" | "broadcast" | "mined";
  readonly nonce: number | null;
  readonly transactionHash: Hex | null;
  readonly blockNumber: number | null;
  /** What holds the signer up, where it does (paused, low_balance, fee_cap, foreign_nonce). */
  readonly waitingFor: StakeReason | null;
};

/** Body of `settled`, signer to request: final on the chain, or no nonce was or will be used for it. */
export type StakeOutcome =
  | {
      readonly kind: "succeeded";
      readonly nonce: number;
      readonly transactionHash: Hex;
      readonly blockNumber: number;
      readonly gasUsed: string;
      readonly stakeId: string | null;
    }
  | {
      readonly kind: "reverted";
      readonly nonce: number;
      readonly transactionHash: Hex;
      readonly blockNumber: number;
      readonly gasUsed: string;
      readonly reason: StakeReason;
      /** What a check said at the block after it; user-fixable ones may wait once more. */
      readonly verdict: CheckVerdict;
    }
  /** The fresh look before a nonce said something else than `ready`. */
  | { readonly kind: "returned"; readonly verdict: CheckVerdict }
  | { readonly kind: "cancelled" | "expired"; readonly nonce: number | null };

export type SignerPolicy = {
  /** Cap of every attempt. */
  readonly maxFeePerGasWei: string;
  /** null: what the node suggests, at least 1.5 gwei where it suggests nothing. */
  readonly maxPriorityFeePerGasWei: string | null;
  /** Broadcast and not yet mined, 1 to 16. */
  readonly maxInFlight: number;
  readonly queueLimit: number;
  /** Age of the newest attempt at which an unmined slot is bumped. */
  readonly bumpAfterMs: number;
  /** How often an unmined attempt is sent again, the same bytes. */
  readonly rebroadcastAfterMs: number;
  /** What must stay: below it no new nonce is given (`low_balance`). */
  readonly reserveWei: string;
  /** Requests of one owner that may be sent in one UTC day; null: any number. */
  readonly perOwnerPerDay: number | null;
};

export const signerPolicyDefaults: SignerPolicy = {
  maxFeePerGasWei: "30000000000",
  maxPriorityFeePerGasWei: null,
  maxInFlight: 4,
  queueLimit: 1000,
  bumpAfterMs: 30_000,
  rebroadcastAfterMs: 15_000,
  reserveWei: "1000000000000000000",
  perOwnerPerDay: null,
};
