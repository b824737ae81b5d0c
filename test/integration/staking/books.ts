import { z } from "zod";
import { callNodeBatch } from "../../../src/dev/json-rpc.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import type { StakingStack } from "./staking-stack.ts";

const quantity = z.string().transform(BigInt);
const transactions = z.object({
  transactions: z.array(z.object({ hash: z.string(), from: z.string(), input: z.string() })),
});
const receipts = z.array(
  z.object({
    transactionHash: z.string(),
    status: quantity,
    gasUsed: quantity,
    effectiveGasPrice: quantity,
  }),
);

type OnChain = Pick<StakingStack, "chain">;

/** Where the signer's account stands on the chain. */
export type Books = { readonly head: number; readonly nonce: number; readonly balance: bigint };

export async function openBooks({ chain }: OnChain): Promise<Books> {
  const [head, nonce, balance] = await callNodeBatch(chain.url, [
    { method: "eth_blockNumber" },
    { method: "eth_getTransactionCount", params: [chain.signer.address, "latest"] },
    { method: "eth_getBalance", params: [chain.signer.address, "latest"] },
  ]);
  return {
    head: Number(quantity.parse(head)),
    nonce: Number(quantity.parse(nonce)),
    balance: quantity.parse(balance),
  };
}

/** What the chain itself says happened since. */
export type ClosedBooks = {
  /** Transactions of the signer. */
  readonly transactions: number;
  readonly reverted: number;
  readonly nonces: number;
  /** Wei that left the account for something else than the gas of these. */
  readonly unexplainedWei: bigint;
};

export async function closeBooks(stack: OnChain, opened: Books): Promise<ClosedBooks> {
  const now = await openBooks(stack);
  const sent = await readSent(stack, opened);
  const gasWei = sent.reduce((sum, { feeWei }) => sum + feeWei, 0n);
  return {
    transactions: sent.length,
    reverted: sent.filter(({ isSuccess }) => !isSuccess).length,
    nonces: now.nonce - opened.nonce,
    unexplainedWei: opened.balance - now.balance - gasWei,
  };
}

export type Sent = {
  readonly hash: string;
  readonly input: string;
  readonly isSuccess: boolean;
  readonly feeWei: bigint;
};

/** The signer's transactions that were mined since, oldest first. */
export async function readSent(stack: OnChain, opened: Books): Promise<Sent[]> {
  const { url, signer } = stack.chain;
  const { head } = await openBooks(stack);
  const sent: Sent[] = [];
  for (let number = opened.head + 1; number <= head; number += 1) {
    const at = `0x${number.toString(16)}`;
    const [block, answers] = await callNodeBatch(url, [
      { method: "eth_getBlockByNumber", params: [at, true] },
      { method: "eth_getBlockReceipts", params: [at] },
    ]);
    const byHash = new Map(receipts.parse(answers).map((one) => [one.transactionHash, one]));
    for (const { hash, from, input } of transactions.parse(block).transactions) {
      const receipt = byHash.get(hash);
      if (from !== signer.address || receipt === undefined) continue;
      const feeWei = receipt.gasUsed * receipt.effectiveGasPrice;
      sent.push({ hash, input, isSuccess: receipt.status === 1n, feeWei });
    }
  }
  return sent;
}

/** Those that carry a request's signature. */
export function sentFor(sent: readonly Sent[], { signature }: Pick<StakeCall, "signature">) {
  return sent.filter(({ input }) => input.includes(signature.slice(2)));
}
