import { Agent, request } from "node:http";
import { callNode } from "../../src/dev/json-rpc.ts";
import { callTracer, structLogger } from "../../src/rpc/traces.ts";
import type { Done, Task, TaskOf } from "./tasks.ts";

const agent = new Agent({ keepAlive: true });

/** Fetches what the block job fetches of each block, one call at a time, and throws the bytes away. */
export async function fetchToNowhere(
  { rpcUrl: url, processors }: TaskOf,
  { fromBlock, toBlock }: Task,
): Promise<Done> {
  const steps = { ...structLogger, disableStack: !processors.includes("structlog_agg") };
  let bytes = 0;
  for (let number = fromBlock; number <= toBlock; number += 1) {
    const block = await callNode(url, "eth_getBlockByNumber", [`0x${number.toString(16)}`, true]);
    const { hash, transactions } = readBlock(block);
    if (transactions.length === 0) continue;
    bytes += await drain(url, "eth_getBlockReceipts", [hash]);
    bytes += await drain(url, "debug_traceBlockByHash", [hash, callTracer]);
    bytes += await drain(url, "debug_traceBlockByHash", [hash, steps]);
  }
  return { rows: 0, bytes };
}

function readBlock(block: unknown): { hash: string; transactions: unknown[] } {
  if (typeof block !== "object" || block === null) throw new Error("no such block");
  if (!("hash" in block) || !("transactions" in block)) throw new Error("no block");
  const { hash, transactions } = block;
  return { hash: String(hash), transactions: Array.isArray(transactions) ? transactions : [] };
}

function drain(url: string, method: string, params: readonly unknown[]): Promise<number> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      let bytes = 0;
      response.on("data", (part: Buffer) => (bytes += part.length));
      response.on("end", () => resolve(bytes));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
