import type { Hex } from "../domain/chain.ts";
import { type LedgerRow, type LedgerStatus, packVersion } from "../domain/ledger.ts";
import type { Processor } from "../domain/processor.ts";

/** Columns of a ledger row as {@link fromStoredRow} reads them; times as UTC text that JavaScript parses. */
export const storedColumns = `
  meta_network_name, processor, block_number, block_hash, parent_hash, attempt_id, status, generation, attempts,
  toUnixTimestamp64Milli(next_attempt_at) AS next_attempt_ms, error_kind, error_message, transaction_count,
  structlog_count, row_count, proof, proof_detail, node, client_version, decoder_version, workflow_id, run_id,
  reason, actor, duration_ms, trace_bytes, toUnixTimestamp64Micro(updated_at) AS updated_us`;

/** A row of {@link storedColumns}: 64-bit numbers are decimal strings. */
export type StoredRow = {
  meta_network_name: string;
  processor: Processor;
  block_number: string;
  block_hash: Hex;
  parent_hash: Hex;
  attempt_id: string;
  status: LedgerStatus;
  generation: number;
  attempts: number;
  next_attempt_ms: string | null;
  error_kind: string;
  error_message: string;
  transaction_count: string;
  structlog_count: string;
  row_count: string;
  proof: "proven" | "unverified";
  proof_detail: string;
  node: string;
  client_version: string;
  decoder_version: number;
  workflow_id: string;
  run_id: string;
  reason: string;
  actor: string;
  duration_ms: string;
  trace_bytes: string;
  updated_us: string;
};

export function fromStoredRow(row: StoredRow): LedgerRow {
  return {
    network: row.meta_network_name,
    processor: row.processor,
    blockNumber: Number(row.block_number),
    blockHash: row.block_hash,
    parentHash: row.parent_hash,
    attemptId: row.attempt_id,
    status: row.status,
    generation: row.generation,
    attempts: row.attempts,
    nextAttemptAt:
      row.next_attempt_ms === null ? null : new Date(Number(row.next_attempt_ms)).toISOString(),
    errorKind: row.error_kind,
    errorMessage: row.error_message,
    transactionCount: Number(row.transaction_count),
    structlogCount: Number(row.structlog_count),
    rowCount: Number(row.row_count),
    proof: row.proof,
    proofDetail: row.proof_detail,
    node: row.node,
    clientVersion: row.client_version,
    decoderVersion: row.decoder_version,
    workflowId: row.workflow_id,
    runId: row.run_id,
    reason: row.reason,
    actor: row.actor,
    durationMs: Number(row.duration_ms),
    traceBytes: Number(row.trace_bytes),
  };
}

/** When a stored row was written, as an ISO time with milliseconds. */
export function updatedAt(row: StoredRow): string {
  return new Date(Number(row.updated_us) / 1000).toISOString();
}

/** A ledger row as an object of columns; `version` is packed here and nowhere else. */
export function toColumns(row: LedgerRow): Record<string, unknown> {
  return {
    meta_network_name: row.network,
    processor: row.processor,
    block_number: row.blockNumber,
    block_hash: row.blockHash,
    parent_hash: row.parentHash,
    attempt_id: row.attemptId,
    status: row.status,
    generation: row.generation,
    // packVersion counts more as the maximum too; UInt16 would wrap.
    attempts: Math.min(row.attempts, 0xffff),
    version: packVersion(row).toString(),
    next_attempt_at: row.nextAttemptAt,
    error_kind: row.errorKind,
    error_message: row.errorMessage,
    transaction_count: row.transactionCount,
    structlog_count: row.structlogCount,
    row_count: row.rowCount,
    proof: row.proof,
    proof_detail: row.proofDetail,
    node: row.node,
    client_version: row.clientVersion,
    decoder_version: row.decoderVersion,
    workflow_id: row.workflowId,
    run_id: row.runId,
    reason: row.reason,
    actor: row.actor,
    duration_ms: Math.round(row.durationMs),
    trace_bytes: row.traceBytes,
  };
}
