import type { TraceOptions } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { BlockFailedError, NodeUnavailableError } from "../errors.ts";
import { readBlock, readHead } from "./blocks.ts";
import { type ByteStream, StreamFailed } from "./byte-stream.ts";
import { toNumber } from "./decode.ts";
import type { RpcCall } from "./json-rpc.ts";
import type { LostTraces, TraceInFlight } from "./lost-traces.ts";
import type { NodeCalls } from "./node-calls.ts";
import { classifyStreamFault, describeStreamFault, isRefusedForNow } from "./trace-fault.ts";

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

/** How long another block's trace may take to begin. */
const comparisonTimeoutMs = 60_000;

type TracingNode = {
  readonly calls: NodeCalls;
  readonly stream: ByteStream;
  readonly lostTraces: LostTraces;
};

/**
 * The body of the answer to `debug_traceBlockByHash`.
 * @throws {NodeUnavailableError} @throws {BlockFailedError} kinds trace_cut, trace_refused, deadline_exceeded: the node
 * is well, and this one answer failed.
 */
export async function* streamTrace(
  node: TracingNode,
  blockHash: Hex,
  tracer: object,
  { timeoutMs, signal }: TraceOptions,
): AsyncIterable<Uint8Array> {
  const name = `${blockHash} ${JSON.stringify(tracer)}`;
  if (node.lostTraces.isSuspect(name)) {
    node.lostTraces.forget(name); // what is decided now holds for this attempt; the next one asks for the trace again
    await refuseSuspect(node, blockHash, signal);
  }
  const trace = node.lostTraces.begin(name);
  try {
    yield* node.stream(toCall(blockHash, tracer, timeoutMs), {
      timeoutMs: timeoutMs + graceMs,
      signal,
    });
    trace.arrived();
  } catch (error) {
    if (!(error instanceof StreamFailed)) throw error;
    throw await toBlame(node.calls, { blockHash, failure: error, trace }, signal);
  } finally {
    trace.end();
  }
}

function toCall(blockHash: Hex, tracer: object, timeoutMs: number): RpcCall {
  return { method, params: [blockHash, { ...tracer, timeout: `${Math.ceil(timeoutMs / 1000)}s` }] };
}

type LostTrace = {
  readonly blockHash: Hex;
  readonly failure: StreamFailed;
  readonly trace: TraceInFlight;
};

/** Asks for the block itself: the answer says whether the node lives, and which block it was. */
async function toBlame(
  calls: NodeCalls,
  { blockHash, failure: { fault, isBegun }, trace }: LostTrace,
  signal?: AbortSignal,
): Promise<Error> {
  const isAlone = trace.isAlone();
  const block = await readBlock(calls, "eth_getBlockByHash", blockHash, signal).catch(() => null);
  const reason = describeStreamFault(fault);
  const kind = classifyStreamFault(fault, { isBegun, isHealthy: block !== null });
  if (block !== null && kind !== "node_unavailable") {
    return new BlockFailedError({ kind, blockNumber: toNumber(block.number), reason });
  }
  if ((block !== null || isAlone) && !isRefusedForNow(fault)) trace.lost();
  return new NodeUnavailableError({ node: calls.name, method, reason });
}

/**
 * Decides over a block whose trace was lost several times in a row: if the node traces another block it is the block's
 * fault, which is booked, and the range goes on.
 * @throws {BlockFailedError} @throws {NodeUnavailableError}
 */
async function refuseSuspect(
  { calls, stream }: TracingNode,
  blockHash: Hex,
  signal?: AbortSignal,
): Promise<never> {
  const block = await readBlock(calls, "eth_getBlockByHash", blockHash, signal);
  const head = await readHead(calls, "latest", signal);
  const others = [block?.parentHash, head?.hash].filter((hash) => hash !== undefined);
  for (const other of others) {
    if (block === null || other === blockHash) continue;
    const call = toCall(other, callTracer, comparisonTimeoutMs);
    if (await isAnswered(stream, call, signal)) {
      const reason = "the connection was lost each time, while the node traced another block";
      throw new BlockFailedError({
        kind: "trace_cut",
        blockNumber: toNumber(block.number),
        reason,
      });
    }
  }
  throw new NodeUnavailableError({ node: calls.name, method, reason: "it traces no block now" });
}

async function isAnswered(
  stream: ByteStream,
  call: RpcCall,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    for await (const part of stream(call, { timeoutMs: comparisonTimeoutMs, signal })) {
      if (part.length > 0) return true;
    }
  } catch (error) {
    if (!(error instanceof StreamFailed)) throw error;
  }
  return false;
}
