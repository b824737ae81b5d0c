/** JSON-RPC objects as the node sends them: quantities and bytes stay 0x strings. */
export type Hex = `0x${string}`;

/** A block header with whole transactions (`eth_getBlockByNumber(n, true)`). */
export type RpcBlock = {
  readonly number: Hex;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly sha3Uncles: Hex;
  readonly miner: Hex;
  readonly stateRoot: Hex;
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  readonly logsBloom: Hex;
  readonly difficulty: Hex;
  readonly gasLimit: Hex;
  readonly gasUsed: Hex;
  readonly timestamp: Hex;
  readonly extraData: Hex;
  readonly mixHash?: Hex;
  readonly nonce?: Hex;
  readonly baseFeePerGas?: Hex;
  readonly withdrawalsRoot?: Hex;
  readonly blobGasUsed?: Hex;
  readonly excessBlobGas?: Hex;
  readonly parentBeaconBlockRoot?: Hex;
  readonly requestsHash?: Hex;
  readonly transactions: readonly RpcTransaction[];
};

export type RpcAccessListItem = { readonly address: Hex; readonly storageKeys: readonly Hex[] };
export type RpcAuthorization = {
  readonly chainId: Hex;
  readonly address: Hex;
  readonly nonce: Hex;
  readonly yParity?: Hex;
  readonly v?: Hex;
  readonly r: Hex;
  readonly s: Hex;
};

export type RpcTransaction = {
  readonly hash: Hex;
  readonly type?: Hex;
  readonly chainId?: Hex | null;
  readonly nonce: Hex;
  readonly from: Hex;
  readonly to: Hex | null;
  readonly value: Hex;
  readonly gas: Hex;
  readonly gasPrice?: Hex | null;
  readonly maxFeePerGas?: Hex | null;
  readonly maxPriorityFeePerGas?: Hex | null;
  readonly maxFeePerBlobGas?: Hex | null;
  readonly blobVersionedHashes?: readonly Hex[] | null;
  readonly accessList?: readonly RpcAccessListItem[] | null;
  readonly authorizationList?: readonly RpcAuthorization[] | null;
  readonly input: Hex;
  readonly v?: Hex;
  readonly yParity?: Hex;
  readonly r: Hex;
  readonly s: Hex;
  readonly transactionIndex: Hex;
};

export type RpcLog = { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex };

export type RpcReceipt = {
  readonly transactionHash: Hex;
  readonly transactionIndex: Hex;
  readonly blockHash: Hex;
  readonly type?: Hex;
  /** 0x1 or 0x0; absent before Byzantium, where `root` stands in its place. */
  readonly status?: Hex | null;
  readonly root?: Hex | null;
  readonly gasUsed: Hex;
  readonly cumulativeGasUsed: Hex;
  readonly contractAddress?: Hex | null;
  readonly logs: readonly RpcLog[];
  readonly logsBloom: Hex;
};

/** A point of the chain. */
export type BlockRef = { readonly number: number; readonly hash: Hex; readonly parentHash: Hex };

export type HeadPolicy = "latest" | "safe" | "finalized";
