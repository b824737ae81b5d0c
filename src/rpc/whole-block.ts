import { StreamFailed } from "./byte-stream.ts";
import { isRateLimit, type RpcRefusal, readRefusal } from "./faults.ts";
import type { StreamFault } from "./trace-fault.ts";

/** What the first bytes of a JSON-RPC answer say: does it bear a result or an error? */
const beginning =
  /^\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:"[^"]*"|-?\d+|null)\s*,\s*)*"(?!(?:jsonrpc|id)")(\w+)"\s*:/;
/** A beginning this long without either is nobody's answer. */
const longestBeginning = 1024;
const longestError = 16_384;

/** reth -32008, geth -32003 (both too large), geth -32002 (timed out). */
const wholeBlockCodes: ReadonlySet<number> = new Set([-32_008, -32_003, -32_002]);
/** geth fails a whole block at one transaction ("tracing failed: ..."), after 5 s unless it heeds `timeout`. */
const wholeBlockWords =
  /too (big|large)|(response|batch|size|result)\b.*(limit|exceed)|exceed.*(limit|size)|time(d)? ?out|tracing failed/i;
/** Statuses of proxies that gave up on one long or large answer. */
const gaveUpStatuses: ReadonlySet<number> = new Set([408, 413, 504, 524]);

/** Whether a refusal is about the block as a whole: its transactions, one by one, may still be traced. */
export function isWholeBlockRefusal(refusal: RpcRefusal): boolean {
  if (isRateLimit(refusal)) return false;
  return wholeBlockCodes.has(refusal.code) || wholeBlockWords.test(refusal.message);
}

/** The same of a streamed answer that failed before its first byte. */
export function isWholeBlockFault(fault: StreamFault): boolean {
  if (fault.kind === "silent") return true;
  if (fault.kind !== "status") return false;
  if (fault.refusal) return isWholeBlockRefusal(fault.refusal);
  return gaveUpStatuses.has(fault.status);
}

/** State that the node has thrown away, or never had: geth, erigon, nethermind, besu, reth in their words. */
const noStateWords =
  /historical state|missing trie node|state .*(not available|unavailable|is pruned|not found)|pruned|required historical|no state|4444/i;

export function isStateMissing(reason: string): boolean {
  return noStateWords.test(reason);
}

/** The node will not trace this block as a whole. */
export class WholeBlockRefused extends Error {
  override readonly name = "WholeBlockRefused";
}

/**
 * Passes a block's answer on as it comes, but for an error that says nothing of its trace: about the block as a whole,
 * or that the node is asked too often. What begins with a result is passed on at once.
 * @throws {WholeBlockRefused} @throws {StreamFailed}
 */
export function withoutWholeBlockRefusal(
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  return heldWhileOpen(parts, (refusal) => {
    throwRateLimit(refusal);
    if (isWholeBlockRefusal(refusal)) throw new WholeBlockRefused(refusal.message);
  });
}

/** The same of one transaction's answer: an error is its own, unless the node is asked too often. @throws {StreamFailed} */
export function withoutRateLimit(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return heldWhileOpen(parts, throwRateLimit);
}

/** Providers say so with HTTP 200. */
function throwRateLimit(refusal: RpcRefusal): void {
  if (!isRateLimit(refusal)) return;
  throw new StreamFailed({ kind: "status", status: 200, refusal }, { isBegun: false });
}

/** @param judge - Throws where an error is not to be passed on. */
async function* heldWhileOpen(
  parts: AsyncIterable<Uint8Array>,
  judge: (refusal: RpcRefusal) => void,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | null = new Uint8Array();
  for await (const part of parts) {
    if (held === null) {
      yield part;
      continue;
    }
    held = held.length === 0 ? part : Buffer.concat([held, part]);
    if (!isStillOpen(held)) {
      yield held;
      held = null;
    }
  }
  if (held === null || held.length === 0) return;
  const refusal = readHeld(held);
  if (refusal) judge(refusal);
  yield held;
}

/** Whether these bytes are, or may become, a short answer that bears an error. */
function isStillOpen(held: Uint8Array): boolean {
  const [, key] = beginning.exec(Buffer.from(held.subarray(0, longestBeginning)).toString()) ?? [];
  return key === undefined
    ? held.length < longestBeginning
    : key === "error" && held.length < longestError;
}

function readHeld(held: Uint8Array): RpcRefusal | undefined {
  try {
    return readRefusal(JSON.parse(Buffer.from(held).toString()));
  } catch {
    return undefined;
  }
}
