import type { ExecutionNode, TraceOptions } from "../activities/ports.ts";
import { readBlock, readBlockRefs, readHead } from "./blocks.ts";
import { type ByteStream, createByteStream } from "./byte-stream.ts";
import { toHex, toNumber } from "./decode.ts";
import type { Endpoint } from "./endpoint.ts";
import { readGasUsed } from "./gas-used.ts";
import { LostTraces } from "./lost-traces.ts";
import { createNodeCalls, type NodeCalls } from "./node-calls.ts";
import { readReceipts } from "./receipts.ts";
import { callTracer, streamTrace, structLogger } from "./traces.ts";

/** The node, and the raw calls that only the start-up probe makes. */
export type RawNode = ExecutionNode & { readonly calls: NodeCalls; readonly stream: ByteStream };

/** A node that cannot say its height in this time serves nobody. */
const healthTimeoutMs = 5_000;

/**
 * Creates the adapter of one node. Errors name the node as configured; never its url.
 * @param limits.traceTimeoutMs - The longest that one trace may take, whatever its caller allows.
 */
export function createExecutionNode(
  endpoint: Endpoint,
  { traceTimeoutMs }: { readonly traceTimeoutMs: number },
): RawNode {
  const calls = createNodeCalls(endpoint);
  const stream = createByteStream(endpoint);
  const tracing = { calls, stream, lostTraces: new LostTraces() };
  const limit = ({ timeoutMs, ...options }: TraceOptions): TraceOptions => ({
    ...options,
    timeoutMs: Math.min(timeoutMs, traceTimeoutMs),
  });
  let version: string | undefined;

  return {
    name: endpoint.name,
    calls,
    stream,
    async clientVersion() {
      version ??= String(await calls.demand("web3_clientVersion", []));
      return version;
    },
    chainId: async () => toNumber(await calls.demand("eth_chainId", [])),
    head: (policy, signal) => readHead(calls, policy, signal),
    blockByNumber: (blockNumber, signal) =>
      readBlock(calls, "eth_getBlockByNumber", toHex(blockNumber), signal),
    blockByHash: (blockHash, signal) => readBlock(calls, "eth_getBlockByHash", blockHash, signal),
    blockRefs: (blockNumbers, signal) => readBlockRefs(calls, blockNumbers, signal),
    receipts: (block, signal) => readReceipts(calls, block, signal),
    traceCalls: (blockHash, options) => streamTrace(tracing, blockHash, callTracer, limit(options)),
    traceSteps: (blockHash, { stacks, ...options }) =>
      streamTrace(tracing, blockHash, { ...structLogger, disableStack: !stacks }, limit(options)),
    gasUsed: (newestBlock, blockCount, signal) =>
      readGasUsed(calls, newestBlock, blockCount, signal),
    async isHealthy(signal) {
      try {
        await calls.demand("eth_blockNumber", [], { signal, timeoutMs: healthTimeoutMs });
        return true;
      } catch {
        signal?.throwIfAborted();
        return false;
      }
    },
  };
}
