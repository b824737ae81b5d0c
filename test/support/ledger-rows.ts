import type { Hex } from "../../src/domain/chain.ts";
import { type LedgerRow, zeroHash } from "../../src/domain/ledger.ts";

/** A hash that a person can tell apart: the digits of a number, or any hex text. */
export function hashOf(value: number | string): Hex {
  return `0x${String(value).padStart(64, "0")}`;
}

/** A complete, proven structlog row that chains to its neighbours, but for what is given. */
export function ledgerRow(row: Partial<LedgerRow> & { blockNumber: number }): LedgerRow {
  const status = row.status ?? "complete";
  const known = status === "complete";
  return {
    network: "testnet",
    processor: "structlog",
    blockHash: known ? hashOf(row.blockNumber) : zeroHash,
    parentHash: known ? hashOf(row.blockNumber - 1) : zeroHash,
    attemptId: known ? String(row.blockNumber + 1) : "0",
    status,
    generation: 0,
    attempts: 1,
    nextAttemptAt: null,
    errorKind: known ? "" : "trace_cut",
    errorMessage: "",
    transactionCount: 0,
    structlogCount: 0,
    rowCount: 0,
    proof: known ? "proven" : "unverified",
    proofDetail: "{}",
    node: "archive",
    clientVersion: "anvil/v1.7.1",
    decoderVersion: 1,
    workflowId: "backfill/testnet/0-9",
    runId: "run",
    reason: "test",
    actor: "tester",
    durationMs: 12,
    traceBytes: 3_000_000_000,
    ...row,
  };
}
