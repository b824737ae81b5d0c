import { setTimeout as sleep } from "node:timers/promises";
import type { Hex, RpcReceipt } from "../domain/chain.ts";
import { BlockFailedError } from "../errors.ts";
import { readBlock } from "./blocks.ts";
import { isReceipt } from "./decode.ts";
import { isMethodMissing, RpcRefusal } from "./faults.ts";
import type { NodeCalls } from "./node-calls.ts";

/**
 * All receipts of a block, asked by hash; one by one where the node has no call for all.
 * @throws {NodeUnavailableError} @throws {BlockFailedError} kind receipts_unavailable.
 */
export async function readReceipts(
  calls: NodeCalls,
  block: { readonly blockNumber: number; readonly blockHash: Hex },
  signal?: AbortSignal,
): Promise<RpcReceipt[]> {
  const receipts = (await askForAll(calls, block, signal)) ?? (await askEach(calls, block, signal));
  if (Array.isArray(receipts) && receipts.every(isReceipt)) return receipts;
  throw unavailable(block, "the node has no receipts of some or all transactions");
}

/** Replicas behind one address: the one that is asked may not have reached the block that another one showed. */
const lagDelaysMs = [100, 300];

/** null: the node does not know the call. */
async function askForAll(
  calls: NodeCalls,
  block: { readonly blockNumber: number; readonly blockHash: Hex },
  signal?: AbortSignal,
): Promise<unknown> {
  try {
    const call = { method: "eth_getBlockReceipts", params: [block.blockHash] };
    let answer = await calls.ask(call, { signal });
    for (const delayMs of lagDelaysMs) {
      if (answer !== null) break;
      await sleep(delayMs, undefined, signal ? { signal } : {});
      answer = await calls.ask(call, { signal });
    }
    return answer ?? [null];
  } catch (error) {
    if (isMethodMissing(error)) return null;
    throw error instanceof RpcRefusal ? unavailable(block, error.message) : error;
  }
}

async function askEach(
  calls: NodeCalls,
  block: { readonly blockNumber: number; readonly blockHash: Hex },
  signal?: AbortSignal,
): Promise<unknown[]> {
  const found = await readBlock(calls, "eth_getBlockByHash", block.blockHash, signal);
  if (found === null) throw unavailable(block, "the node has no such block any more");
  const hashes = found.transactions.map(({ hash }) => [hash]);
  return calls.demandEach("eth_getTransactionReceipt", hashes, { signal });
}

function unavailable({ blockNumber }: { blockNumber: number }, reason: string): BlockFailedError {
  return new BlockFailedError({ kind: "receipts_unavailable", blockNumber, reason });
}
