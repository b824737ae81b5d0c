import type { TraceOptions } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { BlockFailedError, NodeUnavailableError } from "../errors.ts";
import { readBlock } from "./blocks.ts";
import { type ByteStream, StreamFailed } from "./byte-stream.ts";
import { toNumber } from "./decode.ts";
import type { NodeCalls } from "./node-calls.ts";
import { classifyStreamFault, describeStreamFault } from "./trace-fault.ts";

const method = "debug_traceBlockByHash";

export const callTracer = { tracer: "callTracer" };

/**
 * The struct logger, in options that every client takes. Both memory switches: Erigon and older Besu know only the
 * second, and send gigabytes without it.
 */
export const structLogger = {
  disableStorage: true,
  disableMemory: true,
  enableMemory: false,
  disableStack: false,
  enableReturnData: false,
};

/** Beyond the node's own time limit, so that its answer, which says why, comes first. */
const graceMs = 5_000;

/**
 * The body of the answer to `debug_traceBlockByHash`.
 * @throws {NodeUnavailableError} @throws {BlockFailedError} kinds trace_cut, trace_refused, deadline_exceeded: the node
 * is well, and this one answer failed.
 */
export async function* streamTrace(
  { calls, stream }: { readonly calls: NodeCalls; readonly stream: ByteStream },
  blockHash: Hex,
  tracer: object,
  { timeoutMs, signal }: TraceOptions,
): AsyncIterable<Uint8Array> {
  const options = { ...tracer, timeout: `${Math.ceil(timeoutMs / 1000)}s` };
  const call = { method, params: [blockHash, options] };
  try {
    yield* stream(call, { timeoutMs: timeoutMs + graceMs, signal });
  } catch (error) {
    throw error instanceof StreamFailed ? await toBlame(calls, blockHash, error, signal) : error;
  }
}

/** Asks for the block itself: the answer says whether the node lives, and which block it was. */
async function toBlame(
  calls: NodeCalls,
  blockHash: Hex,
  { fault, isBegun }: StreamFailed,
  signal?: AbortSignal,
): Promise<Error> {
  const block = await readBlock(calls, "eth_getBlockByHash", blockHash, signal).catch(() => null);
  const reason = describeStreamFault(fault);
  const kind = classifyStreamFault(fault, { isBegun, isHealthy: block !== null });
  return block === null || kind === "node_unavailable"
    ? new NodeUnavailableError({ node: calls.name, method, reason })
    : new BlockFailedError({ kind, blockNumber: toNumber(block.number), reason });
}
