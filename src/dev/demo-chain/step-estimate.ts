import { numberToHex } from "viem";
import { z } from "zod";
import { callNode, callNodeBatch } from "../json-rpc.ts";

const trace = z.array(z.object({ result: z.object({ structLogs: z.array(z.unknown()) }) }));

/** Counts the steps of one block by tracing it. */
export async function countSteps(rpcUrl: string, blockNumber: number): Promise<number> {
  const answer = await callNode(rpcUrl, "debug_traceBlockByNumber", [
    numberToHex(blockNumber),
    { disableStack: true, disableStorage: true, disableMemory: true, enableReturnData: false },
  ]);
  return trace.parse(answer).reduce((sum, { result }) => sum + result.structLogs.length, 0);
}

/** How many transactions the blocks from genesis to `head` hold, as the node counts them. */
export async function countTransactions(rpcUrl: string, head: number): Promise<number> {
  const counts = await callNodeBatch(
    rpcUrl,
    Array.from({ length: head + 1 }, (_, blockNumber) => ({
      method: "eth_getBlockTransactionCountByNumber",
      params: [numberToHex(blockNumber)],
    })),
  );
  return counts.reduce<number>((sum, count) => sum + Number(count), 0);
}
