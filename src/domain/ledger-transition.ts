import type { Hex } from "./chain.ts";
import { type LedgerRow, packVersion, zeroHash } from "./ledger.ts";
import type { Processor } from "./processor.ts";

/** Which row of the ledger a transition is about. */
export type LedgerKey = {
  readonly network: string;
  readonly processor: Processor;
  readonly blockNumber: number;
};

/** Who asked for the work, and which run did it. */
export type LedgerOrigin = {
  readonly workflowId: string;
  readonly runId: string;
  readonly reason: string;
  readonly actor: string;
};

type BranchPoint = { readonly blockHash: Hex; readonly parentHash: Hex };

/** What a trace ended with, for one processor. */
export type CompletedFacts = BranchPoint & {
  readonly attemptId: string;
  readonly transactionCount: number;
  readonly structlogCount: number;
  readonly rowCount: number;
  readonly proof: "proven" | "unverified";
  readonly proofDetail: string;
  readonly node: string;
  readonly clientVersion: string;
  readonly decoderVersion: number;
  readonly durationMs: number;
  readonly traceBytes: number;
};

/** What a failed try ended with. Hashes are zeros where the block could not even be fetched. */
export type FailedFacts = BranchPoint & {
  readonly errorKind: string;
  readonly errorMessage: string;
  readonly node: string;
  readonly clientVersion: string;
  readonly decoderVersion: number;
  readonly durationMs: number;
  readonly traceBytes: number;
  /** ISO time of the next try; null = quarantine. */
  readonly nextAttemptAt: string | null;
};

/** What happens to a block. `reorged` marks that its number left the branch that the ledger shows. */
export type LedgerEvent =
  | {
      readonly kind: "completed";
      readonly facts: CompletedFacts;
      readonly reorged: boolean;
      /**
       * Attempt of the activity, from 1 (default): a later attempt's success wins over that of a zombie, which may have read
       * the chain before a reorg.
       */
      readonly activityAttempt?: number;
    }
  | { readonly kind: "failed"; readonly facts: FailedFacts; readonly reorged: boolean }
  | { readonly kind: "retracted" }
  | { readonly kind: "released"; readonly now: string }
  | { readonly kind: "miscounted"; readonly now: string; readonly message: string };

/**
 * The row that an event makes of the row that was read before the work began. Whether it wins is up to
 * {@link packVersion}: a failure of a block that was complete meanwhile, or of a requeue, stands in the events only.
 * The generation rises by decisions alone: a reorg, a miscount, a release, a requeue that succeeded.
 * @param previous - the winner as read before the trace; undefined if nothing stood there.
 */
export function nextLedgerRow({
  key,
  previous,
  event,
  origin,
}: {
  readonly key: LedgerKey;
  readonly previous: LedgerRow | undefined;
  readonly event: LedgerEvent;
  readonly origin: LedgerOrigin;
}): LedgerRow {
  const generation = previous?.generation ?? 0;
  const attempts = previous?.attempts ?? 0;
  const base = { ...emptyRow, ...key, ...origin, generation, attempts };
  switch (event.kind) {
    case "completed": {
      return {
        ...base,
        ...event.facts,
        status: "complete",
        generation: generation + raiseBySuccess(previous, event.reorged),
        attempts: addAttempts(event.reorged ? 0 : attempts, event.activityAttempt ?? 1),
      };
    }
    case "failed":
      return failedRow(base, previous, event);
    case "retracted":
      return { ...base, status: "retracted", generation: generation + raiseByReorg, attempts: 0 };
    case "released":
      return {
        ...dueAgain(base, previous, event.now),
        errorKind: previous?.errorKind ?? "",
        errorMessage: previous?.errorMessage ?? "",
      };
    case "miscounted":
      return {
        ...dueAgain(base, previous, event.now),
        errorKind: "row_count_mismatch",
        errorMessage: event.message,
      };
    default:
      return event satisfies never;
  }
}

/**
 * A reorg raises by more than any other decision: a requeue that read the same generation and is late must not bring
 * the branch back that the chain has left.
 */
const raiseByReorg = 2;

function raiseBySuccess(previous: LedgerRow | undefined, reorged: boolean): number {
  if (reorged) return raiseByReorg;
  return previous?.status === "complete" ? 1 : 0;
}

/** The facts of an earlier success, to call it canonical again: its branch came back and its rows still stand. */
export function completedFactsOf(row: LedgerRow): CompletedFacts {
  const { blockHash, parentHash, attemptId, transactionCount, structlogCount, rowCount } = row;
  const { proof, proofDetail, node, clientVersion, decoderVersion, durationMs, traceBytes } = row;
  return {
    blockHash,
    parentHash,
    attemptId,
    transactionCount,
    structlogCount,
    rowCount,
    proof,
    proofDetail,
    node,
    clientVersion,
    decoderVersion,
    durationMs,
    traceBytes,
  };
}

/** Attempts of a block if the next try of `previous` fails: what the retry policy counts. */
export function attemptsAfterFailure(previous: LedgerRow | undefined, reorged: boolean): number {
  return reorged || previous?.status === "complete" ? 1 : addAttempts(previous?.attempts ?? 0, 1);
}

/** Whether `candidate` hides `standing` in the views; of equal versions the later one does. */
export function winsOver(candidate: LedgerRow, standing: LedgerRow | undefined): boolean {
  return standing === undefined || packVersion(candidate) >= packVersion(standing);
}

function failedRow(
  base: LedgerRow,
  previous: LedgerRow | undefined,
  { facts, reorged }: Extract<LedgerEvent, { kind: "failed" }>,
): LedgerRow {
  // What waits in quarantine stays there: only a release frees it.
  const stays = previous?.status === "quarantined" && !reorged;
  return {
    ...base,
    ...facts,
    status: stays || facts.nextAttemptAt === null ? "quarantined" : "failed",
    nextAttemptAt: stays ? null : facts.nextAttemptAt,
    generation: reorged ? base.generation + raiseByReorg : base.generation,
    attempts: attemptsAfterFailure(previous, reorged),
  };
}

/** Failed and due at once, as if never tried. */
function dueAgain(base: LedgerRow, previous: LedgerRow | undefined, now: string): LedgerRow {
  return {
    ...base,
    blockHash: previous?.blockHash ?? zeroHash,
    parentHash: previous?.parentHash ?? zeroHash,
    status: "failed",
    generation: base.generation + 1,
    attempts: 0,
    nextAttemptAt: now,
  };
}

function addAttempts(attempts: number, more: number): number {
  return Math.min(attempts + more, 0xffff);
}

const emptyRow = {
  blockHash: zeroHash,
  parentHash: zeroHash,
  attemptId: "0",
  status: "retracted",
  nextAttemptAt: null,
  errorKind: "",
  errorMessage: "",
  transactionCount: 0,
  structlogCount: 0,
  rowCount: 0,
  proof: "unverified",
  proofDetail: "",
  node: "",
  clientVersion: "",
  decoderVersion: 0,
  durationMs: 0,
  traceBytes: 0,
} as const satisfies Partial<LedgerRow>;
