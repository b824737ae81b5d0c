import type {
  ReceiptView,
  StakeTransactionRecord,
} from "../../workflows/staking/stake-activities.ts";
import type { Attempt, SignerState, Slot } from "./signer-state.ts";

/**
 * Rows that wait while ClickHouse is away. They are for people: history is the log that nothing is lost from. Beyond it the oldest go.
 */
const maximumRecords = 100;

/** The row of one attempt of a slot. @param receipt - where the attempt itself was mined. */
export function recordOf(
  slot: Slot,
  attempt: Attempt,
  state: StakeTransactionRecord["state"],
  receipt?: ReceiptView,
): StakeTransactionRecord {
  return {
    nonce: slot.nonce,
    attempt: slot.attempts.indexOf(attempt) + 1,
    kind: attempt.kind,
    requestId: slot.request?.requestId ?? null,
    hash: attempt.hash,
    raw: attempt.raw ?? "0x",
    fees: {
      maxFeePerGasWei: attempt.maxFeePerGasWei,
      maxPriorityFeePerGasWei: attempt.maxPriorityFeePerGasWei,
    },
    gasLimit: attempt.gasLimit,
    state,
    blockNumber: receipt?.blockNumber ?? null,
    gasUsed: receipt?.gasUsed ?? null,
  };
}

/** Puts rows into the outbox of the table of transactions. */
export function record(state: SignerState, rows: readonly StakeTransactionRecord[]): SignerState {
  if (rows.length === 0) return state;
  const numbered = rows.map((row, index) => ({ ...row, seq: state.nextSeq + index }));
  return {
    ...state,
    records: [...state.records, ...numbered].slice(-maximumRecords),
    nextSeq: state.nextSeq + rows.length,
  };
}

/** Takes rows out of the outbox that the table holds. */
export function recorded(state: SignerState, seqs: readonly number[]): SignerState {
  const done = new Set(seqs);
  return { ...state, records: state.records.filter(({ seq }) => !done.has(seq)) };
}

/** Takes words out of the outbox that their requests have heard, or that nobody is there to hear. */
export function delivered(state: SignerState, seqs: readonly number[]): SignerState {
  const done = new Set(seqs);
  return { ...state, notices: state.notices.filter(({ seq }) => !done.has(seq)) };
}
