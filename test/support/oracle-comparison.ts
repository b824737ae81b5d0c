import { isDeepStrictEqual } from "node:util";
import type { ForkAt } from "../../src/activities/ports.ts";
import type { ClickHouse } from "../../src/clickhouse/client.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import type { RpcBlock, RpcReceipt } from "../../src/domain/chain.ts";
import {
  type OracleStructlogRow,
  type OracleTransactionRow,
  oracleStructlogRows,
  oracleTransactionRows,
} from "./oracle.ts";
import { type OracleAggRow, oracleStructlogAggRows } from "./oracle-agg.ts";

/** Rows of a range, in the order of block, transaction, step and frame. */
export type ComparedRows = {
  readonly structlogs: readonly Readonly<Record<string, unknown>>[];
  /** Sorted by {@link inAggOrder}. */
  readonly aggregates: readonly Readonly<Record<string, unknown>>[];
  readonly transactions: readonly Readonly<Record<string, unknown>>[];
};

/** What the oracle makes of the node's own JSON: the rows that the canonical views must show. */
export async function oracleRows({
  rpcUrl,
  forkAt,
  fromBlock,
  toBlock,
  aggregated = true,
}: {
  readonly rpcUrl: string;
  readonly forkAt: ForkAt;
  readonly fromBlock: number;
  readonly toBlock: number;
  /** Whether aggregates are wanted: they need the block's true fork. */
  readonly aggregated?: boolean;
}): Promise<ComparedRows> {
  const structlogs: OracleStructlogRow[] = [];
  const aggregates: OracleAggRow[] = [];
  const transactions: OracleTransactionRow[] = [];
  for (let blockNumber = fromBlock; blockNumber <= toBlock; blockNumber += 1) {
    const number = `0x${blockNumber.toString(16)}`;
    const block = await ask<RpcBlock>(rpcUrl, "eth_getBlockByNumber", [number, true]);
    if (block.transactions.length === 0) continue;
    const receipts = await ask<readonly RpcReceipt[]>(rpcUrl, "eth_getBlockReceipts", [number]);
    const fork = forkAt({ number: blockNumber, timestamp: Number(block.timestamp) });
    if (fork === null) throw new Error("the oracle needs a fork");
    for (const [position, transaction] of block.transactions.entries()) {
      const receipt = receipts[position];
      if (!receipt) throw new Error(`block ${blockNumber} lacks receipt ${position}`);
      const trace = await traceText(rpcUrl, transaction.hash, { disableStorage: true });
      const callTrace = await traceText(rpcUrl, transaction.hash, { tracer: "callTracer" });
      const input = { block, transaction, receipt, trace, callTrace, fork };
      structlogs.push(...oracleStructlogRows(input));
      if (aggregated) aggregates.push(...oracleStructlogAggRows(input));
      transactions.push(...oracleTransactionRows(input));
    }
  }
  return { structlogs, aggregates: aggregates.toSorted(inAggOrder), transactions };
}

const aggKey = ["block_number", "transaction_index", "call_frame_id"] as const;

/** By block, transaction, frame and operation, whatever order an oracle or ClickHouse gives. */
function inAggOrder(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): number {
  for (const key of aggKey) {
    const difference = Number(a[key]) - Number(b[key]);
    if (difference !== 0) return difference;
  }
  return String(a["operation"]) < String(b["operation"]) ? -1 : 1;
}

/** The first row that is not as the oracle has it, beside the oracle's; null if all are. A whole diff takes minutes. */
export function firstWrongRow(
  shown: readonly Readonly<Record<string, unknown>>[],
  expected: readonly Readonly<Record<string, unknown>>[],
): { readonly shown: unknown; readonly expected: unknown } | null {
  const longer = shown.length > expected.length ? shown : expected;
  const at = longer.findIndex((_, row) => !isDeepStrictEqual(shown[row], expected[row]));
  return at === -1 ? null : { shown: shown[at], expected: expected[at] };
}

/** An answer of a node that we started ourselves: its shape is what anvil and geth document. */
async function ask<Answer>(
  rpcUrl: string,
  method: string,
  params: readonly unknown[],
): Promise<Answer> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await callNode(rpcUrl, method, params)) as Answer;
}

/** What the canonical views show of a range, in the oracle's columns and types. */
export async function shownRows(
  clickhouse: ClickHouse,
  {
    network,
    fromBlock,
    toBlock,
  }: { readonly network: string; readonly fromBlock: number; readonly toBlock: number },
): Promise<ComparedRows> {
  const select = (view: string, columns: string, order: string) =>
    clickhouse.query<Record<string, unknown>>(
      `SELECT ${columns} FROM ${view}
       WHERE meta_network_name = {network:String} AND block_number BETWEEN {from:UInt64} AND {to:UInt64}
       ORDER BY ${order}`,
      { parameters: { network, from: fromBlock, to: toBlock } },
    );
  const structlogs = await select(
    "canonical_execution_transaction_structlog",
    "* EXCEPT (updated_date_time, meta_network_name)",
    "block_number, transaction_index, index, call_frame_id",
  );
  const aggregates = await select(
    "canonical_execution_transaction_structlog_agg",
    "* EXCEPT (updated_date_time, meta_network_name)",
    "block_number",
  );
  const transactions = await select(
    "canonical_execution_transaction",
    "* EXCEPT (updated_date_time, meta_network_name)",
    "block_number, position",
  );
  return {
    structlogs: structlogs.map((row) => withNumbers({ ...row, error: row["error"] !== null })),
    aggregates: aggregates.map(withNumbers).toSorted(inAggOrder),
    transactions: transactions.map(withNumbers),
  };
}

/** 64-bit numbers come as decimal strings; those below 2^53 are numbers to the oracle. */
function withNumbers(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, asNumber(value)]));
}

function asNumber(value: unknown): unknown {
  const isDecimal = typeof value === "string" && /^\d+$/.test(value);
  return isDecimal && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** The JSON text of a trace as the node wrote it: parsing would round numbers above 2^53. */
async function traceText(rpcUrl: string, hash: string, tracer: object): Promise<string> {
  const response = await fetch(rpcUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "debug_traceTransaction",
      params: [hash, tracer],
    }),
  });
  const text = await response.text();
  const start = text.indexOf('"result":');
  if (start < 0) throw new Error(`no trace: ${text.slice(0, 200)}`);
  return text.slice(start + '"result":'.length, text.lastIndexOf("}"));
}
