import type { Hex } from "../../domain/chain.ts";
import type { CheckVerdict, StakeCall } from "../../domain/staking/stake-call.ts";
import type { StakeRequestStatus, StreamEntity } from "./request-shapes.ts";

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

/** What is to be sent. */
export type Sending = SignedTransaction & {
  /** Whether it was in a pool when it was sent before: a look tells whether it still is. */
  readonly wasKnown?: true;
};

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

export type Sent = {
  readonly nonce: number;
  readonly hash: Hex;
  readonly result: BroadcastResult;
  /** No node had it any more before it was sent again: the pools had dropped it. */
  readonly wasGone?: true;
};

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
    items: readonly Sending[];
  }): Promise<{ items: readonly Sent[] }>;
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
