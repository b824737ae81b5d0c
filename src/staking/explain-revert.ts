import { z } from "zod";
import { unexplainedRevert } from "../domain/staking/revert-class.ts";
import { readRevert } from "../domain/staking/revert-reason.ts";
import type { StakeReason } from "../domain/staking/stake-call.ts";
import { isHex } from "./hex.ts";
import { RpcRefusal } from "./node-refusal.ts";
import type { Receipt } from "./receipt-shape.ts";
import { isLimit, refusedBy, type StakingNode, toQuantity } from "./staking-node.ts";

type Explanation =
  | { readonly kind: "reason"; readonly reason: string | null }
  | { readonly kind: "other"; readonly why: StakeReason };

const sentShape = z.object({ to: z.custom(isHex), input: z.custom(isHex), gas: z.string() });

/**
 * Finds out why a mined transaction reverted: it is run again on the state of the parent block, and where it passes
 * there (something before it in its block mattered) on that of its own.
 */
export async function explainRevert(
  node: StakingNode,
  receipt: Receipt,
  signal?: AbortSignal,
): Promise<Explanation> {
  const { transactionHash } = receipt;
  const method = "eth_getTransactionByHash";
  const [known] = await node.ask([{ method, params: [transactionHash] }], { signal });
  throwIfAskedTooOften(node, method, known);
  const sent = sentShape.safeParse(known);
  if (!sent.success) return unexplained;
  const { to, input, gas } = sent.data;
  const transaction = { from: receipt.from, to, data: input };
  const number = BigInt(receipt.blockNumber);
  const answers = await node.ask(
    [number - 1n, number].map((at) => ({
      method: "eth_call",
      params: [transaction, toQuantity(at)],
    })),
    { signal },
  );
  for (const answer of answers) {
    throwIfAskedTooOften(node, "eth_call", answer);
    const revert = answer instanceof RpcRefusal ? readRevert(answer) : null;
    if (revert !== null) return { kind: "reason", reason: revert.reason };
  }
  // With all the gas it could want it passes: what it had was too little.
  return answers.some((answer) => !(answer instanceof RpcRefusal)) && isSpent(receipt, gas)
    ? outOfGas
    : unexplained;
}

/** Then it may say more in a moment; without the old state it never will. */
function throwIfAskedTooOften(node: StakingNode, method: string, answer: unknown): void {
  if (answer instanceof RpcRefusal && isLimit(answer)) throw refusedBy(node.name, method, answer);
}

/** A call inside keeps back one part in 64, so that a frame that ran out need not have spent everything. */
function isSpent({ gasUsed }: Receipt, gas: string): boolean {
  return BigInt(gasUsed) * 100n >= BigInt(gas) * 95n;
}

const outOfGas: Explanation = {
  kind: "other",
  why: { code: "OUT_OF_GAS", message: "The transaction ran out of gas." },
};
const unexplained: Explanation = { kind: "other", why: unexplainedRevert };
