import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import { NodeRefusedError } from "../errors.ts";
import type { AccountView } from "../workflows/staking/stake-activities.ts";
import { readQuantity, type StakingNode, toQuantity } from "./staking-node.ts";
import type { StakingNodes } from "./staking-nodes.ts";

export type AccountQuery = {
  readonly address: Hex;
  /** Blocks on top of one that make it final; null: what the node calls finalized. */
  readonly confirmations: number | null;
};

/** Where a node suggests none (the reference's default too). */
const defaultTipWei = 1_500_000_000n;
const quantity = z.string().regex(/^0x[0-9a-f]+$/i);
const block = z.object({ number: quantity, baseFeePerGas: quantity.optional() });
const feeHistory = z.object({ baseFeePerGas: z.array(quantity).min(2) });

/**
 * Reads the account through all nodes: counts are the highest of all, because a replica may lag; the rest is from the
 * node with the highest head.
 * @throws {NodeUnavailableError} When none answers.
 */
export async function readAccountView(
  nodes: StakingNodes,
  query: AccountQuery,
  signal?: AbortSignal,
): Promise<AccountView> {
  const views = await nodes.onAll((node) => readOf(node, query, signal));
  const [best, ...others] = views
    .map(({ answer }) => answer)
    .toSorted((a, b) => b.headNumber - a.headNumber);
  if (best === undefined) {
    throw new NodeRefusedError({
      node: "any",
      method: "eth_getBlockByNumber",
      reason: "no answer",
    });
  }
  return others.reduce(
    (view, other) => ({
      ...view,
      latestNonce: Math.max(view.latestNonce, other.latestNonce),
      finalNonce: Math.max(view.finalNonce, other.finalNonce),
      finalNumber: Math.max(view.finalNumber, other.finalNumber),
    }),
    best,
  );
}

/** @throws {NodeUnavailableError} When no node answers. */
export async function readHeadNumber(nodes: StakingNodes, signal?: AbortSignal): Promise<number> {
  const method = "eth_blockNumber";
  const heads = await nodes.onAll(async (node) => {
    const [answer] = await node.ask([{ method, params: [] }], { signal });
    return Number(readQuantity(answer, { node: node.name, method }));
  });
  return Math.max(...heads.map(({ answer }) => answer));
}

async function readOf(
  node: StakingNode,
  { address, confirmations }: AccountQuery,
  signal: AbortSignal | undefined,
): Promise<AccountView> {
  const [head, count, balance, tip, fees, finalBlock, finalCount] = await node.ask(
    [
      { method: "eth_getBlockByNumber", params: ["latest", false] },
      { method: "eth_getTransactionCount", params: [address, "latest"] },
      { method: "eth_getBalance", params: [address, "latest"] },
      { method: "eth_maxPriorityFeePerGas", params: [] },
      { method: "eth_feeHistory", params: ["0x1", "latest", []] },
      ...(confirmations === null ? finalityCalls(address, "finalized") : []),
    ],
    { signal },
  );
  const parsedHead = block.safeParse(head);
  if (!parsedHead.success) {
    const reason = "the answer is no block";
    throw new NodeRefusedError({ node: node.name, method: "eth_getBlockByNumber", reason });
  }
  const headNumber = Number(parsedHead.data.number);
  const final =
    confirmations === null
      ? readFinality(finalBlock, finalCount)
      : await readDepth(node, { address, number: headNumber - confirmations }, signal);
  const read = (answer: unknown, method: string) =>
    readQuantity(answer, { node: node.name, method });
  return {
    headNumber,
    latestNonce: Number(read(count, "eth_getTransactionCount")),
    ...final,
    baseFeePerGasWei: readBaseFee(parsedHead.data.baseFeePerGas, fees).toString(),
    priorityFeePerGasWei: (quantity.safeParse(tip).success
      ? read(tip, "eth_maxPriorityFeePerGas")
      : defaultTipWei
    ).toString(),
    balanceWei: read(balance, "eth_getBalance").toString(),
  };
}

function finalityCalls(address: Hex, at: string) {
  return [
    { method: "eth_getBlockByNumber", params: [at, false] },
    { method: "eth_getTransactionCount", params: [address, at] },
  ];
}

type Finality = Pick<AccountView, "finalNonce" | "finalNumber">;
/** A young chain, or a node without the tag: nothing is final yet, and nothing is lost by waiting. */
const nothingFinal: Finality = { finalNonce: 0, finalNumber: 0 };

function readFinality(finalBlock: unknown, finalCount: unknown): Finality {
  const parsed = block.safeParse(finalBlock);
  const count = quantity.safeParse(finalCount);
  if (!parsed.success || !count.success) return nothingFinal;
  return { finalNumber: Number(parsed.data.number), finalNonce: Number(count.data) };
}

async function readDepth(
  node: StakingNode,
  { address, number }: { readonly address: Hex; readonly number: number },
  signal: AbortSignal | undefined,
): Promise<Finality> {
  if (number < 0) return nothingFinal;
  const [finalBlock, count] = await node.ask(finalityCalls(address, toQuantity(number)), {
    signal,
  });
  return readFinality(finalBlock, count);
}

/** Of the next block where the node tells, else of the head; 0 on a chain without EIP-1559. */
function readBaseFee(headBaseFee: string | undefined, fees: unknown): bigint {
  const history = feeHistory.safeParse(fees);
  const next = history.success ? history.data.baseFeePerGas.at(-1) : undefined;
  return BigInt(next ?? headBaseFee ?? "0x0");
}
