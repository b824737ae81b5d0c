import { parseTransaction, type TransactionSerializedEIP1559 } from "viem";
import type { Hex } from "../domain/chain.ts";
import type { BroadcastResult, SignedTransaction } from "../workflows/staking/stake-activities.ts";
import { readAccountView } from "./account-view.ts";
import { RpcRefusal } from "./node-refusal.ts";
import { refusedBy, type StakingNode } from "./staking-node.ts";
import type { StakingNodes } from "./staking-nodes.ts";

const sendTimeoutMs = 5000;

/** What one node knows after it was sent everything. */
type NodeTold = {
  readonly known: readonly boolean[];
  /** Its words about each refused one: a hint, never the judgement. */
  readonly words: readonly string[];
};

/**
 * Sends the same bytes to every node and looks for their hashes there: what a node said of them, or whether it said
 * anything, does not count. Ends as soon as one node knows them all, or all have been asked.
 * @throws {NodeUnavailableError} When no node could be asked.
 */
export async function broadcastAll(
  nodes: StakingNodes,
  transactions: readonly SignedTransaction[],
  sender: Hex,
): Promise<readonly BroadcastResult[]> {
  const told = await nodes.onAll((node) => sendTo(node, transactions));
  const isKnown = transactions.map((_, at) => told.some(({ answer }) => answer.known[at] === true));
  if (isKnown.every(Boolean)) return isKnown.map(() => "known");
  const account = await readAccountView(nodes, { address: sender, confirmations: null });
  return transactions.map((transaction, at) => {
    if (isKnown[at] === true) return "known";
    const words = told.map(({ answer }) => answer.words[at] ?? "");
    return whyUnknown(transaction, account, words);
  });
}

/**
 * Tells of each transaction whether no node that answers has it, in a pool or a block.
 * @throws {NodeUnavailableError} When no node could be asked.
 */
export async function missingFrom(
  nodes: StakingNodes,
  hashes: readonly Hex[],
): Promise<readonly boolean[]> {
  const told = await nodes.onAll((node) => find(node, hashes));
  return hashes.map((_, at) => told.every(({ answer }) => answer[at] === false));
}

async function find(node: StakingNode, hashes: readonly Hex[]): Promise<readonly boolean[]> {
  const method = "eth_getTransactionByHash";
  const found = await node.ask(hashes.map((hash) => ({ method, params: [hash] })));
  return found.map((answer) => {
    if (answer instanceof RpcRefusal) throw refusedBy(node.name, method, answer);
    return answer !== null && answer !== undefined;
  });
}

async function sendTo(
  node: StakingNode,
  transactions: readonly SignedTransaction[],
): Promise<NodeTold> {
  const sends = transactions.map(({ raw }) => ({
    method: "eth_sendRawTransaction",
    params: [raw],
  }));
  // A send that breaks may have been heard: only the look that follows tells.
  const sent = await node.ask(sends, { timeoutMs: sendTimeoutMs }).catch(() => []);
  const hashes = transactions.map(({ hash }) => hash);
  return {
    known: await find(node, hashes),
    words: transactions.map((_, at) => {
      const answer = sent[at];
      return answer instanceof RpcRefusal ? answer.message : "";
    }),
  };
}

type Account = {
  readonly latestNonce: number;
  readonly baseFeePerGasWei: string;
  readonly balanceWei: string;
};

/** By numbers where numbers tell; a node's words only choose between "too cheap" and "not taken". */
function whyUnknown(
  { raw, nonce }: SignedTransaction,
  account: Account,
  words: readonly string[],
): BroadcastResult {
  if (account.latestNonce > nonce) return "nonce_used";
  if (!isEip1559(raw)) return "not_taken";
  const { gas = 0n, maxFeePerGas = 0n, value = 0n } = parseTransaction(raw);
  if (gas * maxFeePerGas + value > BigInt(account.balanceWei)) return "insufficient_funds";
  if (maxFeePerGas < BigInt(account.baseFeePerGasWei)) return "underpriced";
  return words.some((text) => /underpriced|fee too low|less than block base fee/i.test(text))
    ? "underpriced"
    : "not_taken";
}

function isEip1559(raw: Hex): raw is TransactionSerializedEIP1559 {
  return raw.startsWith("0x02");
}
