import { z } from "zod";
import { callNodeBatch } from "../json-rpc.ts";
import type { StakingWorld } from "./staking-world.ts";

const quantity = z.string().transform(BigInt);
const receipts = z.array(
  z.object({
    from: z.string(),
    status: quantity,
    gasUsed: quantity,
    effectiveGasPrice: quantity,
  }),
);

/** The paying account, as the chain itself knows it. */
export type SignerBooks = {
  readonly head: number;
  readonly nonce: number;
  readonly balance: bigint;
  /** Since the books were opened: */
  readonly transactions: number;
  readonly reverted: number;
  readonly nonces: number;
  readonly gasWei: bigint;
  /** Wei that left the account for something else than gas. */
  readonly unexplainedWei: bigint;
};

/** Reads the account, and all of its transactions since the books were opened. */
export async function readSignerBooks(
  { url, signer }: Pick<StakingWorld, "url" | "signer">,
  opened?: SignerBooks,
): Promise<SignerBooks> {
  const [headAnswer, nonceAnswer, balanceAnswer] = await callNodeBatch(url, [
    { method: "eth_blockNumber" },
    { method: "eth_getTransactionCount", params: [signer, "latest"] },
    { method: "eth_getBalance", params: [signer, "latest"] },
  ]);
  const head = Number(quantity.parse(headAnswer));
  const nonce = Number(quantity.parse(nonceAnswer));
  const balance = quantity.parse(balanceAnswer);
  const before = opened ?? { head, nonce, balance };
  const numbers = Array.from({ length: head - before.head }, (_, at) => before.head + 1 + at);
  const answers = await callNodeBatch(
    url,
    numbers.map((number) => ({
      method: "eth_getBlockReceipts",
      params: [`0x${number.toString(16)}`],
    })),
  );
  const own = answers.flatMap((answer) =>
    receipts.parse(answer).filter(({ from }) => from === signer),
  );
  const gasWei = own.reduce((sum, one) => sum + one.gasUsed * one.effectiveGasPrice, 0n);
  return {
    head,
    nonce,
    balance,
    transactions: own.length,
    reverted: own.filter(({ status }) => status === 0n).length,
    nonces: nonce - before.nonce,
    gasWei,
    unexplainedWei: before.balance - balance - gasWei,
  };
}
