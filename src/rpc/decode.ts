import type { BlockRef, Hex, RpcBlock, RpcReceipt } from "../domain/chain.ts";

export type BlockHeader = Pick<RpcBlock, "number" | "hash" | "parentHash"> & {
  readonly gasLimit?: Hex;
};

function has(value: unknown, ...keys: readonly string[]): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    keys.every((key) => isQuantity(Reflect.get(value, key)))
  );
}

/** Whether an answer is a block as far as it can be told from outside; the proof checks what it says. */
export function isBlockHeader(value: unknown): value is BlockHeader {
  return has(value, "number", "hash", "parentHash");
}

export function isRpcBlock(value: unknown): value is RpcBlock {
  return (
    isBlockHeader(value) &&
    has(value, "timestamp", "gasUsed", "gasLimit") &&
    "transactions" in value &&
    Array.isArray(value.transactions) &&
    value.transactions.every((transaction) => has(transaction, "hash", "nonce", "from"))
  );
}

export function isReceipt(value: unknown): value is RpcReceipt {
  return has(value, "transactionHash", "blockHash", "gasUsed", "cumulativeGasUsed");
}

export function toBlockRef({ number, hash, parentHash }: BlockHeader): BlockRef {
  return { number: toNumber(number), hash, parentHash };
}

/** Whether an answer is a quantity: a node that starts up answers null. */
export function isQuantity(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-f]+$/i.test(value);
}

/** Quantities that fit: block numbers, chain ids, gas. */
export function toNumber(quantity: unknown): number {
  return Number(quantity);
}

export function toHex(quantity: number): Hex {
  return `0x${quantity.toString(16)}`;
}
