import {
  AppError,
  type BlockErrorKind,
  BlockFailedError,
  DiskFullError,
  NodeUnavailableError,
  StorageRefusedError,
  StorageUnavailableError,
} from "../../errors.ts";
import type { ExecutionNode } from "../ports.ts";
import type { Deadline } from "./abortable.ts";
import type { Run } from "./run.ts";

/** A fault that is the block's own. */
export type BlockFault = { readonly kind: BlockErrorKind; readonly reason: string };

/**
 * Tells a fault of the block from everything else. What is not the block's own is thrown: the node, ClickHouse or a
 * disk that is away, a cancellation, an error of our own code. Nothing is booked for those. A fault is believed only
 * while the node answers: one that goes down in the middle leaves broken traces too.
 */
export async function blockFaultOf(
  run: Pick<Run, "signal">,
  error: unknown,
  { deadline, node }: { readonly deadline: Deadline; readonly node: ExecutionNode },
): Promise<BlockFault> {
  if (run.signal.aborted) throw run.signal.reason;
  if (isStorageError(error)) throw error;
  const fault = deadline.isExpired()
    ? { kind: "deadline_exceeded" as const, reason: messageOf(deadline.signal.reason) }
    : faultOfError(error);
  if (fault === undefined) throw error;
  if (await node.isHealthy(run.signal)) return fault;
  throw new NodeUnavailableError({
    node: node.name,
    method: "debug_traceBlockByHash",
    reason: `it went away in the middle: ${fault.reason}`,
  });
}

function faultOfError(error: unknown): BlockFault | undefined {
  if (error instanceof BlockFailedError) {
    return { kind: error.kind, reason: error.facts.join("; ") };
  }
  if (isTraceRejected(error)) return { kind: error.kind, reason: error.message };
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
