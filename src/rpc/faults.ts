import { redact } from "../domain/redact.ts";
import type { NodeFault } from "./node-observer.ts";

/** A JSON-RPC error object: the node answers, and says no. */
export class RpcRefusal extends Error {
  override readonly name = "RpcRefusal";
  readonly code: number;
  constructor({ code, message }: { code: number; message: string }) {
    super(`JSON-RPC error ${code}: ${redact(message).slice(0, 300)}`);
    this.code = code;
  }
}

/** A fault of the transport in words of ours: the libraries' messages hold the url and the request. */
export class TransportFault extends Error {
  override readonly name = "TransportFault";
  /** Whether the same request may pass at once, on a fresh socket. */
  readonly isTransient: boolean;
  readonly fault: NodeFault;
  constructor(
    reason: string,
    { isTransient, ...fault }: { isTransient: boolean } & Partial<NodeFault>,
  ) {
    super(reason);
    this.isTransient = isTransient;
    this.fault = { kind: "unreachable", retryAfterMs: null, ...fault };
  }
}

const methodNotFound = -32601;
/** Limits of nodes and providers (EIP-1474 -32005; Alchemy 429; QuickNode -32007). */
const limitCodes: ReadonlySet<number> = new Set([429, -32005, -32007]);

export function isMethodMissing(error: unknown): boolean {
  return (
    error instanceof RpcRefusal &&
    (error.code === methodNotFound ||
      /method .*(not (found|supported|available|allowed|enabled)|does not exist)/i.test(
        error.message,
      ))
  );
}

/** The same in words, where the code says nothing (-32000, -32603). */
const limitWords =
  /too many requests|rate limit(ed|ing)?\b|(requests|compute units) per (second|minute)/i;
/** Besu counts a batch that is too large among the limits: it passes in parts. */
const batchWords = /batch/i;

/** Whether the node refuses because it is asked too often: it is away for us, and the request is right. */
export function isRateLimit(error: unknown): boolean {
  if (!(error instanceof RpcRefusal) || batchWords.test(error.message)) return false;
  return limitCodes.has(error.code) || limitWords.test(error.message);
}

/** Reads the JSON-RPC error of an answer; undefined if it bears none. */
export function readRefusal(answer: unknown): RpcRefusal | undefined {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return undefined;
  const { error } = answer;
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const message = "message" in error ? String(error.message) : "";
  return typeof error.code === "number" ? new RpcRefusal({ code: error.code, message }) : undefined;
}

/** The system's word for a socket that failed (ECONNREFUSED, ENOTFOUND …), found in a chain of causes. */
export function socketCode(error: unknown): string | undefined {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    if ("code" in fault && typeof fault.code === "string") return fault.code;
    if (fault instanceof AggregateError) return socketCode(fault.errors[0]);
  }
  return undefined;
}
