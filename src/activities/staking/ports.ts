import type { Hex } from "../../domain/chain.ts";
import type { CheckVerdict, StakeCall } from "../../domain/staking/stake-call.ts";
import type {
  AccountView,
  BroadcastResult,
  ReceiptView,
  SignedTransaction,
} from "../../workflows/staking/stake-activities.ts";

/**
 * The chain as the staking service sees it, through all of its nodes. Reads may be repeated at will. Every method throws
 * NodeUnavailableError when no node answers, NodeRefusedError when nodes answer something that is no answer.
 */
export interface StakingChain {
  readonly chainId: number;
  /** The staking proxy, lower case. */
  readonly contractAddress: Hex;
  /**
   * What a look at the chain says of each request, before any gas, in their order.
   * @param sender - the account that will send it, lower case.
   */
  checkCalls(
    calls: readonly StakeCall[],
    sender: Hex,
    signal?: AbortSignal,
  ): Promise<readonly CheckVerdict[]>;
  account(address: Hex, signal?: AbortSignal): Promise<AccountView>;
  /** The highest head that any node tells: one cheap question. */
  headNumber(signal?: AbortSignal): Promise<number>;
  /** Numbers of those blocks that are no longer on the chain. */
  reorgedBlocks(
    blocks: readonly { readonly number: number; readonly hash: Hex }[],
    signal?: AbortSignal,
  ): Promise<readonly number[]>;
  /** Which of these transactions no node that answers has, in a pool or a block; in their order. */
  missing(hashes: readonly Hex[]): Promise<readonly boolean[]>;
  /** Sends the same bytes to every node and looks whether they are there; the results are in their order. */
  broadcast(
    transactions: readonly SignedTransaction[],
    sender: Hex,
  ): Promise<readonly BroadcastResult[]>;
  /** The receipt of each by any of its hashes, in their order; null where no node has one. */
  receipts(
    items: readonly { readonly hashes: readonly Hex[]; readonly call: StakeCall | null }[],
    signal?: AbortSignal,
  ): Promise<readonly (ReceiptView | null)[]>;
}

/** An EIP-1559 transaction without value, whole but for its signature. */
export type TransactionToSign = {
  readonly chainId: number;
  readonly nonce: number;
  /** Lower case. */
  readonly to: Hex;
  /** 0x for none. */
  readonly data: Hex;
  readonly gasLimit: bigint;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
};

/** The one key that pays: local, or in a KMS. Never shows the key, whatever prints it. */
export interface TransactionSigner {
  /** Lower case. */
  readonly address: Hex;
  /** No effect outside. The bytes may differ from call to call (a KMS), the nonce may not. */
  sign(transaction: TransactionToSign): Promise<{ readonly raw: Hex; readonly hash: Hex }>;
}

/** How a request becomes calldata: one of two functions of the contract, nothing else. */
export interface CallEncoder {
  encode(call: StakeCall): Hex;
  /** First four bytes of the two functions' calldata. */
  readonly selectors: readonly Hex[];
}
