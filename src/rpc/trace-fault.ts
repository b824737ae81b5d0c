import type { BlockErrorKind } from "../errors.ts";
import { isRateLimit, type RpcRefusal } from "./faults.ts";
import type { NodeFault } from "./node-observer.ts";

/** How a streamed answer failed. */
export type StreamFault =
  /** The node was silent for too long. */
  | { readonly kind: "silent"; readonly reason: string }
  /** The answer's status is not 2xx; `refusal` is the JSON-RPC error of its body. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly refusal: RpcRefusal | undefined;
      /** What the Retry-After header asks for; null or absent: nothing. */
      readonly retryAfterMs?: number | null;
    }
  /** The socket failed or closed, or the compressed body broke off or is none. */
  | { readonly kind: "socket"; readonly reason: string; readonly isUndecodable?: true };

/** HTTP statuses of a node, or a proxy before it, that gave up on this one answer. */
const gaveUpStatuses: ReadonlySet<number> = new Set([408, 504, 524]);
const tooLargeStatus = 413;

/**
 * Whom a failed trace is booked to. While the node does not answer anything, nothing is the block's fault.
 * @param isBegun - Whether a byte of the answer had come.
 */
export function classifyStreamFault(
  fault: StreamFault,
  { isBegun, isHealthy }: { isBegun: boolean; isHealthy: boolean },
): BlockErrorKind | "node_unavailable" {
  if (!isHealthy) return "node_unavailable";
  switch (fault.kind) {
    case "silent":
      return "deadline_exceeded";
    case "socket":
      return isBegun ? "trace_cut" : "node_unavailable";
    case "status":
      return classifyStatus(fault);
    default:
      return "node_unavailable";
  }
}

/** A proxy's limit met by one block must not stop the range for ever; a rate limit must not fail a block. */
function classifyStatus({
  status,
  refusal,
}: Extract<StreamFault, { kind: "status" }>): BlockErrorKind | "node_unavailable" {
  if (isTooOften({ status, refusal })) return "node_unavailable";
  if (refusal || status === tooLargeStatus) return "trace_refused";
  return gaveUpStatuses.has(status) ? "deadline_exceeded" : "node_unavailable";
}

/** Whether the node says that it is asked too often: that says nothing about the block, however often it comes. */
export function isRefusedForNow(fault: StreamFault): boolean {
  return fault.kind === "status" && isTooOften(fault);
}

/** The same fault as the node's, whoever is to blame for it. */
export function toNodeFault(fault: StreamFault): NodeFault {
  switch (fault.kind) {
    case "silent":
      return { kind: "timeout", retryAfterMs: null };
    case "socket":
      return { kind: fault.isUndecodable ? "garbled" : "unreachable", retryAfterMs: null };
    case "status":
      return {
        kind: isTooOften(fault) ? "rate_limited" : "http",
        retryAfterMs: fault.retryAfterMs ?? null,
      };
    default:
      return fault satisfies never;
  }
}

function isTooOften({ status, refusal }: { status: number; refusal: RpcRefusal | undefined }) {
  return status === 429 || isRateLimit(refusal);
}

export function describeStreamFault(fault: StreamFault): string {
  if (fault.kind !== "status") return fault.reason;
  return fault.refusal ? `HTTP ${fault.status}, ${fault.refusal.message}` : `HTTP ${fault.status}`;
}
