import { z } from "zod";
import { callNodeBatch } from "../../../src/dev/json-rpc.ts";
import type { StakingStack } from "./staking-stack.ts";

const quantity = z.string().transform(BigInt);
const receipt = z.object({
  from: z.string(),
  status: quantity,
  gasUsed: quantity,
  effectiveGasPrice: quantity,
});
const block = z.array(receipt);

/** Where the signer's account stands on the chain. */
export type Books = { readonly head: number; readonly nonce: number; readonly balance: bigint };

export async function openBooks({ chain }: Pick<StakingStack, "chain">): Promise<Books> {
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

/** What the chain itself says happened since: transactions of the signer, nonces used, and wei that no gas explains. */
export async function closeBooks(stack: Pick<StakingStack, "chain">, opened: Books) {
  const now = await openBooks(stack);
  const { url, signer } = stack.chain;
  const numbers = Array.from({ length: now.head - opened.head }, (_, at) => opened.head + 1 + at);
  const receipts: z.infer<typeof receipt>[] = [];
  for (const number of numbers) {
    const [answer] = await callNodeBatch(url, [
      { method: "eth_getBlockReceipts", params: [`0x${number.toString(16)}`] },
    ]);
    receipts.push(...block.parse(answer).filter(({ from }) => from === signer.address));
  }
  const gasWei = receipts.reduce((sum, one) => sum + one.gasUsed * one.effectiveGasPrice, 0n);
  return {
    transactions: receipts.length,
    nonces: now.nonce - opened.nonce,
    unexplainedWei: opened.balance - now.balance - gasWei,
  };
}
