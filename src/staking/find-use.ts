import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import type { StakeCall } from "../domain/staking/stake-call.ts";
import { NodeRefusedError } from "../errors.ts";
import { isCall, stakeIdOf, topicOf } from "./contract.ts";
import { isHex, lowerCase } from "./hex.ts";
import { RpcRefusal } from "./node-refusal.ts";
import { readQuantity, refusedBy, type StakingNode, toQuantity } from "./staking-node.ts";
import { madeCall } from "./traced-call.ts";
import { findUseBlock } from "./use-block.ts";

/** The transaction that did what a request asks for. */
export type SignatureUse = {
  readonly transactionHash: Hex;
  readonly from: Hex;
  /** NFT id of the stake that came of it. */
  readonly stakeId: string;
};

const firstWindow = 2000;
const largestWindow = 100_000;
/** Smaller ranges no provider refuses. */
const smallestWindow = 10;
/** A year of blocks of 12 s: signatures are handed in within days. */
const lookBackBlocks = 2_628_000;

const hex = z.custom<Hex>(isHex);
const logs = z.array(z.object({ topics: z.array(hex), data: hex, transactionHash: hex }));
const transaction = z.object({ from: hex, to: hex.nullable(), input: hex });

type UseQuery = {
  readonly contractAddress: Hex;
  readonly messageHelper: Hex;
  readonly call: StakeCall;
};

/**
 * Looks for the transaction that used a call's signature and did what it asks. No argument of the events is indexed and
 * none carries the signature, so logs are found by address and topic and the calldata decides. Where the node has old
 * states they tell the block; else the logs of a year are searched, newest first.
 * @returns null where there is none: the signature was burned.
 */
export async function findUse(
  node: StakingNode,
  query: UseQuery,
  signal?: AbortSignal,
): Promise<SignatureUse | null> {
  const { messageHelper, call } = query;
  const [head] = await node.ask([{ method: "eth_blockNumber", params: [] }], { signal });
  const latest = Number(readQuantity(head, { node: node.name, method: "eth_blockNumber" }));
  const { signature } = call;
  const block = await findUseBlock(node, { messageHelper, signature }, latest, signal);
  if (block === null) return searchLogs(node, query, latest, signal);
  const found = await readLogs(node, { ...query, fromBlock: block, toBlock: block }, signal);
  return found && useAmong(node, query, found, signal);
}

async function searchLogs(
  node: StakingNode,
  query: UseQuery,
  latest: number,
  signal: AbortSignal | undefined,
): Promise<SignatureUse | null> {
  const lowest = Math.max(0, latest - lookBackBlocks);
  let window = firstWindow;
  let largest = largestWindow;
  let toBlock = latest;
  while (toBlock >= lowest) {
    const fromBlock = Math.max(lowest, toBlock - window + 1);
    const found = await readLogs(node, { ...query, fromBlock, toBlock }, signal);
    if (found === null) {
      window = Math.max(smallestWindow, Math.floor(window / 2));
      largest = window;
      continue;
    }
    const use = await useAmong(node, query, found, signal);
    if (use !== null) return use;
    toBlock = fromBlock - 1;
    window = Math.min(largest, window * 2);
  }
  return null;
}

type FoundLog = { readonly stakeId: string; readonly transactionHash: Hex };

async function useAmong(
  node: StakingNode,
  { contractAddress, call }: UseQuery,
  found: readonly FoundLog[],
  signal: AbortSignal | undefined,
): Promise<SignatureUse | null> {
  for (const { stakeId, transactionHash } of found.toReversed()) {
    const from = await senderOf(node, { contractAddress, call, transactionHash }, signal);
    if (from !== null) return { transactionHash, from, stakeId };
  }
  return null;
}

type LogQuery = {
  readonly contractAddress: Hex;
  readonly call: StakeCall;
  readonly fromBlock: number;
  readonly toBlock: number;
};

/** null: the node does not look through so many blocks at once. */
async function readLogs(
  node: StakingNode,
  query: LogQuery,
  signal: AbortSignal | undefined,
): Promise<FoundLog[] | null> {
  const { contractAddress, call, fromBlock, toBlock } = query;
  const filter = {
    address: contractAddress,
    topics: [topicOf(call)],
    fromBlock: toQuantity(fromBlock),
    toBlock: toQuantity(toBlock),
  };
  const method = "eth_getLogs";
  const [answer] = await node.ask([{ method, params: [filter] }], { signal });
  if (answer instanceof RpcRefusal) {
    if (toBlock - fromBlock < smallestWindow) throw refusedBy(node.name, method, answer);
    return null;
  }
  const parsed = logs.safeParse(answer);
  if (!parsed.success) {
    throw new NodeRefusedError({
      node: node.name,
      method,
      reason: "the answer is no list of logs",
    });
  }
  return parsed.data.flatMap((log) => {
    const stakeId = stakeIdOf(log, call);
    return stakeId === null ? [] : [{ stakeId, transactionHash: log.transactionHash }];
  });
}

/** Who sent a transaction that carries the signature; null where it carries another one. */
async function senderOf(
  node: StakingNode,
  query: { contractAddress: Hex; call: StakeCall; transactionHash: Hex },
  signal: AbortSignal | undefined,
): Promise<Hex | null> {
  const { contractAddress, call, transactionHash } = query;
  const method = "eth_getTransactionByHash";
  const [answer] = await node.ask([{ method, params: [transactionHash] }], { signal });
  const parsed = transaction.safeParse(answer);
  if (!parsed.success) {
    const reason = `it does not know the transaction ${transactionHash} of its own log`;
    throw new NodeRefusedError({ node: node.name, method, reason });
  }
  const { from, to, input } = parsed.data;
  const isDirect = to !== null && lowerCase(to) === contractAddress;
  if (isDirect) return isCall(input, call) ? lowerCase(from) : null;
  // Through a contract of somebody's: the bytes stand in its calldata. That does not say what was done with them (the
  // event may be another request's of the same owner, target and amount), a trace does; where there is none it counts.
  if (!lowerCase(input).includes(call.signature.slice(2))) return null;
  return (await madeCall(node, query, signal)) === false ? null : lowerCase(from);
}
