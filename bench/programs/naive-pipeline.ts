import { randomBytes } from "node:crypto";
import { createClient } from "@clickhouse/client";
import { createClient as createViemClient, http, numberToHex } from "viem";
import { structLogger } from "../../src/rpc/traces.ts";
import type { Done, Task, TaskOf } from "./task.ts";

type Step = {
  readonly pc: number;
  readonly op: string;
  readonly gas: number;
  readonly gasCost: number;
  readonly depth: number;
  readonly refund?: number;
  readonly error?: string;
};
type Trace = {
  readonly txHash: string;
  readonly result: { readonly gas: number; readonly failed: boolean; readonly structLogs: Step[] };
};

/** Rows of one insert, as many as ours. */
const batchRows = 50_000;

/** What one writes on the first day: viem, JSON.parse, objects, JSONEachRow; no derived column is computed. */
export function openNaivePipeline({
  rpcUrl,
  clickhouseUrl,
  database,
  network,
  processors,
}: TaskOf) {
  const steps = { ...structLogger, disableStack: !processors.includes("structlog_agg") };
  const clickhouse = createClient({ url: clickhouseUrl, database });
  const client = createViemClient({
    transport: http(rpcUrl, { timeout: 600_000, maxResponseBodySize: false }),
  });
  const ask = (method: string, params: readonly unknown[]): Promise<unknown> =>
    Reflect.apply(client.request, client, [{ method, params }]);

  return async function pipe({ fromBlock, toBlock }: Task): Promise<Done> {
    const attempt = randomBytes(8).readBigUInt64BE().toString();
    let rows: object[] = [];
    let count = 0;
    const flush = async () => {
      if (rows.length === 0) return;
      await clickhouse.insert({
        table: "execution_structlog",
        values: rows,
        format: "JSONEachRow",
        clickhouse_settings: { async_insert: 0 },
      });
      rows = [];
    };
    for (let number = fromBlock; number <= toBlock; number += 1) {
      const block = await ask("eth_getBlockByNumber", [numberToHex(number), true]);
      const { hash, transactions } = readBlock(block);
      if (transactions.length === 0) continue;
      await ask("eth_getBlockReceipts", [hash]);
      const traces = readTraces(await ask("debug_traceBlockByHash", [hash, steps]));
      const time = Math.floor(Date.now() / 1000);
      for (const [position, { txHash, result }] of traces.entries()) {
        for (const [index, step] of result.structLogs.entries()) {
          rows.push({
            updated_date_time: time,
            block_number: number,
            block_hash: hash,
            meta_network_name: network,
            attempt_id: attempt,
            transaction_hash: txHash,
            transaction_gas: result.gas,
            transaction_failed: result.failed,
            transaction_index: position,
            index,
            pc: step.pc,
            operation: step.op,
            gas: step.gas,
            gas_cost: step.gasCost,
            gas_used: step.gasCost,
            gas_self: step.gasCost,
            depth: step.depth,
            refund: step.refund ?? 0,
            error: step.error ?? null,
            call_frame_id: 0,
            call_frame_path: [0],
          });
          count += 1;
          if (rows.length >= batchRows) await flush();
        }
      }
    }
    await flush();
    return { rows: count, bytes: 0 };
  };
}

function readBlock(block: unknown): { hash: string; transactions: unknown[] } {
  if (typeof block !== "object" || block === null) throw new Error("no such block");
  if (!("hash" in block) || !("transactions" in block)) throw new Error("no block");
  const { hash, transactions } = block;
  return { hash: String(hash), transactions: Array.isArray(transactions) ? transactions : [] };
}

/** A naive reader believes what it gets. */
function readTraces(answer: unknown): readonly Trace[] {
  return Array.isArray(answer) ? answer : [];
}
