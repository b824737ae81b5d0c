import { Agent, request } from "node:http";
import { callNode } from "../../src/dev/json-rpc.ts";
import { callTracer, structLogger } from "../../src/rpc/traces.ts";
import type { Done, Task, TaskOf } from "./task.ts";

const agent = new Agent({ keepAlive: true });

/** Fetches what the block job fetches of each block, `inFlight` blocks at a time, and throws the bytes away. */
export async function fetchToNowhere(
  { rpcUrl: url, processors }: TaskOf,
  { fromBlock, toBlock, inFlight = 1 }: Task,
): Promise<Done> {
  const steps = { ...structLogger, disableStack: !processors.includes("structlog_agg") };
  let bytes = 0;
  let next = fromBlock;
  const fetchOnes = async () => {
    for (let number = next++; number <= toBlock; number = next++) {
      const block = await callNode(url, "eth_getBlockByNumber", [`0x${number.toString(16)}`, true]);
      const { hash, transactions } = readBlock(block);
      if (transactions.length === 0) continue;
      const answers = [
        await drain(url, "eth_getBlockReceipts", [hash]),
        await drain(url, "debug_traceBlockByHash", [hash, callTracer]),
        await drain(url, "debug_traceBlockByHash", [hash, steps]),
      ];
      bytes += answers.reduce((sum, length) => sum + length);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, fetchOnes));
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
