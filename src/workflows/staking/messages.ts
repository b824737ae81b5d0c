import type { Hex } from "../../domain/chain.ts";
import type {
  CheckVerdict,
  StakeCall,
  StakeReason,
  StakeState,
} from "../../domain/staking/stake-call.ts";

// Names and JSON shapes of everything that crosses the border of the staking workflows. No Node imports: the sandbox
// loads it. Their payloads go through the codec (they hold users' signatures); ids, names and search attributes do not.

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
  /** The newest broadcast; at the end the one that counts. */
  readonly transactionHash: Hex | null;
  readonly blockNumber: number | null;
  readonly gasUsed: string | null;
  /** NFT id of the stake that came of it. */
  readonly stakeId: string | null;
  readonly receivedAt: string;
  readonly expiresAt: string;
  readonly updatedAt: string;
};

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

export type SignerInput = {
  readonly v: 1;
  readonly chainId: number;
  /** Lower case. */
  readonly address: Hex;
  readonly policy: SignerPolicy;
  /** Set by continue-as-new only; its shape is the workflow's own (src/domain/staking). */
  readonly state?: unknown;
};

export type SignerStatus = {
  readonly chainId: number;
  readonly address: Hex;
  /** Why no new nonce is given; null while it works. `paused` is a person's; the others end by themselves. */
  readonly standsStill: "paused" | "low_balance" | "fee_cap" | "foreign_nonce" | "node_away" | null;
  readonly policy: SignerPolicy;
  readonly nextNonce: number | null;
  readonly latestNonce: number | null;
  readonly balanceWei: string | null;
  readonly queued: number;
  readonly oldestQueuedAt: string | null;
  readonly inFlight: number;
  /** Mined, not final. */
  readonly settling: number;
  readonly slots: readonly {
    readonly nonce: number;
    readonly requestId: string | null;
    readonly kind: "call" | "noop";
    readonly attempts: number;
    readonly transactionHash: Hex | null;
    readonly stage: "signed" | "broadcast" | "mined";
  }[];
  readonly counts: {
    readonly succeeded: number;
    readonly reverted: number;
    readonly cancelled: number;
    readonly bumps: number;
    readonly rebroadcasts: number;
    readonly noops: number;
    readonly reorgs: number;
    readonly foreignNonces: number;
  };
  readonly gasUsedWei: string;
  readonly alarms: readonly string[];
  readonly lastError: string | null;
};

// Activities ---------------------------------------------------------------------------------------------------------

export type AccountView = {
  readonly headNumber: number;
  /** Transaction count at `latest`; the highest of all nodes. */
  readonly latestNonce: number;
  /** Transaction count at the final block (tag `finalized`, or head - N). */
  readonly finalNonce: number;
  readonly finalNumber: number;
  readonly baseFeePerGasWei: string;
  readonly priorityFeePerGasWei: string;
  readonly balanceWei: string;
};
export type Fees = { readonly maxFeePerGasWei: string; readonly maxPriorityFeePerGasWei: string };

/** A transaction to sign: the signer's worker makes the calldata itself, from a request or none (NOOP). */
export type UnsignedTransaction = Fees & {
  readonly nonce: number;
  readonly gasLimit: string;
  /** null: a transfer of nothing to itself, which uses the nonce up. */
  readonly call: StakeCall | null;
};
export type SignedTransaction = { readonly nonce: number; readonly hash: Hex; readonly raw: Hex };

/** What became of one broadcast; told by the hash and the nonce, never by the words of a node alone. */
export type BroadcastResult =
  /** In a pool, or mined. */
  | "known"
  /** The account cannot pay for it now. */
  | "insufficient_funds"
  /** Its fees are below the base fee or do not replace the one before. */
  | "underpriced"
  /** The nonce was used by something else. */
  | "nonce_used"
  /** Not there, and the node's reason is none of those. */
  | "not_taken";

export type ReceiptView = {
  readonly hash: Hex;
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly status: "success" | "reverted";
  readonly gasUsed: string;
  readonly effectiveGasPriceWei: string;
  /** NFT id that the logs name; null for a NOOP or a revert. */
  readonly stakeId: string | null;
  /** Of a reverted one: its reason by eth_call at the parent block, classified. */
  readonly verdict: CheckVerdict | null;
};

export type StakeActivities = {
  /** Signature, owner, used or not, simulation at `latest`. Reads only. */
  checkRequest(input: { chainId: number; call: StakeCall; signer: Hex }): Promise<CheckVerdict>;
  /** Starts the signer workflow where none runs, with the worker's policy. Repeatable. */
  ensureSigner(input: { chainId: number; address: Hex }): Promise<void>;
  /** Fresh checks, gas limits (estimate x 1.2) and the account, in one look. Reads only. */
  prepareCalls(input: {
    chainId: number;
    address: Hex;
    items: readonly { requestId: string; call: StakeCall }[];
  }): Promise<{
    account: AccountView;
    items: readonly { requestId: string; verdict: CheckVerdict }[];
  }>;
  readAccount(input: { chainId: number; address: Hex }): Promise<AccountView>;
  /** On the signer's queue. No effect outside; refuses what is neither of the two calls on the contract nor a NOOP. */
  signTransactions(input: {
    chainId: number;
    address: Hex;
    items: readonly UnsignedTransaction[];
  }): Promise<{ items: readonly SignedTransaction[] }>;
  /** Sends the same bytes to every node; repeatable for ever. */
  broadcastTransactions(input: {
    chainId: number;
    address: Hex;
    items: readonly SignedTransaction[];
  }): Promise<{ items: readonly { nonce: number; hash: Hex; result: BroadcastResult }[] }>;
  /**
   * Returns when the account's latest or final nonce differs from what is known, when a block that held one of our
   * transactions left the chain, or after `maximumSeconds`.
   */
  watchAccount(input: {
    chainId: number;
    address: Hex;
    latestNonce: number;
    finalNonce: number;
    minedBlocks: readonly { readonly number: number; readonly hash: Hex }[];
    maximumSeconds: number;
  }): Promise<{ account: AccountView; reorgedBlocks: readonly number[] }>;
  /** The receipt of each nonce by any of its hashes; null where none has one. */
  readReceipts(input: {
    chainId: number;
    items: readonly { nonce: number; hashes: readonly Hex[]; call: StakeCall | null }[];
  }): Promise<{ items: readonly { nonce: number; receipt: ReceiptView | null }[] }>;
  /** Writes where a request stands to `stake_request`. Repeatable. */
  recordRequest(input: {
    status: StakeRequestStatus;
    source: string;
    actor: string;
  }): Promise<void>;
  /** Writes attempts (once they were broadcast) and what became of them to `stake_transaction`. Repeatable. */
  recordTransactions(input: {
    chainId: number;
    address: Hex;
    items: readonly StakeTransactionRecord[];
  }): Promise<void>;
  /** Keeps the hash of a stream's request up to date: the transaction's hash, and at the end UNLINK. Repeatable. */
  noteEntity(input: {
    entity: StreamEntity;
    transactionHash: Hex | null;
    isFinal: boolean;
  }): Promise<void>;
  /** Tells the operator's webhook the final outcome. Repeatable. */
  announceStake(input: { status: StakeRequestStatus }): Promise<void>;
  /** The Redis loop: starts a request workflow for each entry, then acknowledges it. Returns after some time. */
  pumpStream(input: { chainId: number; maximumSeconds: number }): Promise<PumpResult>;
};

export type PumpResult = {
  readonly started: number;
  readonly alreadyKnown: number;
  /** Entries that no request can be made of: reported and acknowledged. */
  readonly poisoned: number;
  readonly lastPoison: string | null;
  /** Entries that stay unacknowledged because their start failed; the next call tries them again. */
  readonly postponed: number;
  /** Why the last of them was postponed. */
  readonly lastError: string | null;
  /** Shadow mode: what the chain says of the entries, nothing started. */
  readonly checked: Readonly<Record<CheckVerdict["kind"], number>> | null;
  readonly queue: StreamQueue;
};

/** What of the stream is delivered and not acknowledged. */
export type StreamQueue = {
  readonly unacknowledged: number;
  /** When the oldest of them was written, ISO; null where there is none. */
  readonly oldestAt: string | null;
};

/** One per chain: the loop that turns the Redis stream into request workflows. */
export type StakeBridgeInput = {
  readonly v: 1;
  readonly chainId: number;
  /** Set by continue-as-new only. */
  readonly state?: StakeBridgeState;
};
export type StakeBridgeState = {
  readonly paused: boolean;
  readonly startedAt: string;
  readonly totals: Omit<PumpResult, "queue" | "postponed">;
};
/** Answer of the bridge's `progress`. */
export type StakeBridgeProgress = {
  readonly chainId: number;
  readonly paused: boolean;
  readonly startedAt: string;
  /** Since the bridge was started, over all its runs. */
  readonly totals: StakeBridgeState["totals"];
  /** Of the last call. */
  readonly postponed: number;
  readonly queue: StreamQueue | null;
  readonly waitingFor: string | null;
};

export type StakeTransactionRecord = {
  readonly nonce: number;
  readonly attempt: number;
  readonly kind: "call" | "noop";
  readonly requestId: string | null;
  readonly hash: Hex;
  readonly raw: Hex;
  readonly fees: Fees;
  readonly gasLimit: string;
  readonly state: "broadcast" | "mined" | "final" | "replaced";
  readonly blockNumber: number | null;
  readonly gasUsed: string | null;
};
