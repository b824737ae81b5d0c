import type { BlockRef, HeadPolicy, RpcBlock } from "../domain/chain.ts";
import { NodeUnavailableError } from "../errors.ts";
import {
  type BlockHeader,
  isBlockHeader,
  isRpcBlock,
  toBlockRef,
  toHex,
  toNumber,
} from "./decode.ts";
import { RpcRefusal } from "./faults.ts";
import type { NodeCalls } from "./node-calls.ts";

const byNumber = "eth_getBlockByNumber";

/** A block with whole transactions; null where the node has none. */
export async function readBlock(
  calls: NodeCalls,
  method: "eth_getBlockByNumber" | "eth_getBlockByHash",
  which: string,
  signal?: AbortSignal,
): Promise<RpcBlock | null> {
  const block = await calls.demand(method, [which, true], { signal });
  if (block === null) return null;
  if (!isRpcBlock(block)) throw calls.malformed(method);
  if (!isAsked(block, which)) throw otherBlock(calls, method);
  return block;
}

/** Caches before a node mix blocks up; each would pass its own proof. */
function isAsked({ number, hash }: BlockHeader, which: string): boolean {
  return which.length === hash.length
    ? hash.toLowerCase() === which.toLowerCase()
    : toNumber(number) === Number(which);
}

function otherBlock({ name }: NodeCalls, method: string): NodeUnavailableError {
  return new NodeUnavailableError({ node: name, method, reason: "the answer is another block" });
}

/** The block that a tag names; null where the chain has none yet. */
export async function readHead(
  calls: NodeCalls,
  policy: HeadPolicy,
  signal?: AbortSignal,
): Promise<BlockRef | null> {
  try {
    const block = await calls.ask({ method: byNumber, params: [policy, false] }, { signal });
    if (block === null) return null;
    if (!isBlockHeader(block)) throw calls.malformed(byNumber);
    return toBlockRef(block);
  } catch (error) {
    if (!(error instanceof RpcRefusal)) throw error;
    // A young or private chain answers "finalized block not found": nothing is final there yet.
    if (policy !== "latest") return null;
    throw new NodeUnavailableError({ node: calls.name, method: byNumber, reason: error.message });
  }
}

/** Number, hash and parent hash of each number that exists. */
export async function readBlockRefs(
  calls: NodeCalls,
  blockNumbers: readonly number[],
  signal?: AbortSignal,
): Promise<BlockRef[]> {
  const params = blockNumbers.map((blockNumber) => [toHex(blockNumber), false]);
  const blocks = await calls.demandEach(byNumber, params, { signal });
  return blocks.flatMap((block, index) => {
    if (block === null) return [];
    if (!isBlockHeader(block)) throw calls.malformed(byNumber);
    if (toNumber(block.number) !== blockNumbers[index]) throw otherBlock(calls, byNumber);
    return toBlockRef(block);
  });
}
