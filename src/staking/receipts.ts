import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import type { CheckVerdict, StakeCall } from "../domain/staking/stake-call.ts";
import { NodeRefusedError } from "../errors.ts";
import type { ReceiptView } from "../workflows/staking/stake-activities.ts";
import { type CheckContext, judgeRevert } from "./check-calls.ts";
import { stakeIdOf } from "./contract.ts";
import { explainRevert } from "./explain-revert.ts";
import { isHex, lowerCase } from "./hex.ts";
import { RpcRefusal } from "./node-refusal.ts";
import { type Receipt, receiptShape } from "./receipt-shape.ts";
import { refusedBy, type StakingNode, toQuantity } from "./staking-node.ts";
import type { StakingNodes } from "./staking-nodes.ts";

export type ReceiptQuery = { readonly hashes: readonly Hex[]; readonly call: StakeCall | null };

const hex = z.custom<Hex>(isHex);

/**
 * Reads receipts from the node with the highest head. One that only another node has counts where the first agrees on
 * its block: a replica may sit on a branch that is left.
 */
export async function readReceiptViews(
  nodes: StakingNodes,
  items: readonly ReceiptQuery[],
  context: Omit<CheckContext, "sender">,
  signal?: AbortSignal,
): Promise<readonly (ReceiptView | null)[]> {
  return nodes.onBest(async (best) => {
    const found = await receiptsOf(best, items, signal);
    if (nodes.size > 1 && found.includes(null)) {
      const others = await nodes.onAll((node) => receiptsOf(node, items, signal));
      for (const [at, receipt] of found.entries()) {
        if (receipt !== null) continue;
        const other = others.map(({ answer }) => answer[at]).find(Boolean) ?? null;
        found[at] = other !== null && (await isOnChain(best, other, signal)) ? other : null;
      }
    }
    return Promise.all(
      items.map(async ({ call }, at) => {
        const receipt = found[at] ?? null;
        return receipt === null ? null : viewOf(best, receipt, call, context, signal);
      }),
    );
  }, signal);
}

/** The receipt of each item by any of its hashes. */
async function receiptsOf(
  node: StakingNode,
  items: readonly ReceiptQuery[],
  signal: AbortSignal | undefined,
): Promise<(Receipt | null)[]> {
  const method = "eth_getTransactionReceipt";
  const calls = items.flatMap(({ hashes }) => hashes.map((hash) => ({ method, params: [hash] })));
  const answers = await node.ask(calls, { signal });
  let at = 0;
  return items.map(({ hashes }) => {
    const ofItem = answers.slice(at, (at += hashes.length));
    const refusal = ofItem.find((answer) => answer instanceof RpcRefusal);
    const present = ofItem.find(
      (answer) => !(answer instanceof RpcRefusal) && answer !== null && answer !== undefined,
    );
    if (present === undefined) {
      if (refusal instanceof RpcRefusal) throw refusedBy(node.name, method, refusal);
      return null;
    }
    return readReceipt(node, present);
  });
}

/** null: a pending transaction, of which some nodes give a receipt without a block. */
function readReceipt(node: StakingNode, answer: unknown): Receipt | null {
  if (z.object({ blockHash: z.null() }).safeParse(answer).success) return null;
  const parsed = receiptShape.safeParse(answer);
  if (parsed.success) return parsed.data;
  const method = "eth_getTransactionReceipt";
  throw new NodeRefusedError({ node: node.name, method, reason: "the answer is no receipt" });
}

async function isOnChain(
  node: StakingNode,
  { blockNumber, blockHash }: Receipt,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const gone = await leftBlocks(node, [{ number: Number(blockNumber), hash: blockHash }], signal);
  return gone.length === 0;
}

/** Numbers of those blocks in whose place the node has another one or none. */
export async function leftBlocks(
  node: StakingNode,
  blocks: readonly { readonly number: number; readonly hash: Hex }[],
  signal?: AbortSignal,
): Promise<number[]> {
  const method = "eth_getBlockByNumber";
  const calls = blocks.map(({ number }) => ({ method, params: [toQuantity(number), false] }));
  const answers = await node.ask(calls, { signal });
  const hashShape = z.object({ hash: hex });
  return blocks.flatMap(({ number, hash }, at) => {
    const answer = answers[at];
    if (answer instanceof RpcRefusal) throw refusedBy(node.name, method, answer);
    const parsed = hashShape.safeParse(answer);
    return parsed.success && lowerCase(parsed.data.hash) === lowerCase(hash) ? [] : [number];
  });
}

async function viewOf(
  node: StakingNode,
  receipt: Receipt,
  call: StakeCall | null,
  context: Omit<CheckContext, "sender">,
  signal: AbortSignal | undefined,
): Promise<ReceiptView> {
  const isSuccess = BigInt(receipt.status) === 1n;
  const stakeIds = receipt.logs.flatMap((log) => {
    const isOfContract = lowerCase(log.address) === context.contractAddress;
    const id = call !== null && isOfContract ? stakeIdOf(log, call) : null;
    return id === null ? [] : [id];
  });
  return {
    hash: lowerCase(receipt.transactionHash),
    blockNumber: Number(receipt.blockNumber),
    blockHash: lowerCase(receipt.blockHash),
    status: isSuccess ? "success" : "reverted",
    gasUsed: BigInt(receipt.gasUsed).toString(),
    effectiveGasPriceWei: BigInt(receipt.effectiveGasPrice ?? "0x0").toString(),
    stakeId: isSuccess ? (stakeIds.at(-1) ?? null) : null,
    verdict:
      isSuccess || call === null ? null : await verdictOf(node, receipt, call, context, signal),
  };
}

async function verdictOf(
  node: StakingNode,
  receipt: Receipt,
  call: StakeCall,
  context: Omit<CheckContext, "sender">,
  signal: AbortSignal | undefined,
): Promise<CheckVerdict> {
  const explained = await explainRevert(node, receipt, signal);
  if (explained.kind === "reason") {
    const sender = lowerCase(receipt.from);
    const known = { revert: { reason: explained.reason }, unlockedAt: null };
    return judgeRevert(node, call, known, { ...context, sender }, signal);
  }
  return { kind: "refused", reason: explained.why, mayBeAskedAgain: true };
}
