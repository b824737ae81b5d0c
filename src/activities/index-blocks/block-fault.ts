import {
  AppError,
  type BlockErrorKind,
  BlockFailedError,
  DiskFullError,
  NodeUnavailableError,
  StorageRefusedError,
  StorageUnavailableError,
} from "../../errors.ts";
import type { Deadline } from "./abortable.ts";
import type { Run } from "./run.ts";

/** A fault that is the block's own. */
export type BlockFault = { readonly kind: BlockErrorKind; readonly reason: string };

/** What was asked of the node when an error came. */
export type Stage = "header" | "receipts" | "trace";

/** Kinds that a node which goes down in the middle causes too: believed only of a node that answers. */
const kindWhenCut = { receipts: "receipts_unavailable", trace: "trace_cut" } as const;

/**
 * Tells a fault of the block from everything else. What is not the block's own is thrown: the node, ClickHouse or a
 * disk that is away, a cancellation, an error of our own code. Nothing is booked for those.
 */
export async function blockFaultOf(
  run: Run,
  error: unknown,
  { stage, deadline }: { readonly stage: Stage; readonly deadline: Deadline },
): Promise<BlockFault> {
  if (run.signal.aborted) throw run.signal.reason;
  if (isStorageError(error)) throw error;
  const fault = deadline.isExpired()
    ? { kind: "deadline_exceeded" as const, reason: messageOf(deadline.signal.reason) }
    : faultOfError(error, stage);
  if (fault === undefined) throw error;
  if (await run.network.node.isHealthy(run.signal)) return fault;
  throw error instanceof NodeUnavailableError
    ? error
    : new NodeUnavailableError({
        node: run.network.node.name,
        method: "debug_traceBlockByHash",
        reason: `the node is away; what it did to the block: ${fault.reason}`,
      });
}

function faultOfError(error: unknown, stage: Stage): BlockFault | undefined {
  if (error instanceof BlockFailedError) {
    return { kind: error.kind, reason: error.facts.join("; ") };
  }
  if (isTraceRejected(error)) return { kind: error.kind, reason: error.message };
  if (error instanceof NodeUnavailableError && stage !== "header") {
    return { kind: kindWhenCut[stage], reason: error.facts.join("; ") };
  }
  return undefined;
}

/** By its name and not its class: an engine of a test throws its own. */
function isTraceRejected(error: unknown): error is Error & { kind: BlockErrorKind } {
  return error instanceof Error && error.name === "TraceRejected" && "kind" in error;
}

/** What people should know while the activity is tried again: what is away; null for other errors. */
export function waitingTextOf(error: unknown): string | null {
  const isOutage = isStorageError(error) || error instanceof NodeUnavailableError;
  return isOutage && error instanceof AppError
    ? [error.message.split("\n", 1)[0], ...error.facts].join(" ")
    : null;
}

function isStorageError(error: unknown): error is AppError {
  return (
    error instanceof StorageUnavailableError ||
    error instanceof StorageRefusedError ||
    error instanceof DiskFullError
  );
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
