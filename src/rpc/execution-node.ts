import type { ExecutionNode, StepTraceOptions } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { findCode } from "./account-code.ts";
import { readBlock, readBlockRefs, readHead } from "./blocks.ts";
import { type ByteStream, createByteStream } from "./byte-stream.ts";
import { isQuantity, toHex, toNumber } from "./decode.ts";
import type { Endpoint } from "./endpoint.ts";
import { readGasUsed } from "./gas-used.ts";
import type { CallOptions } from "./json-rpc.ts";
import { LostTraces } from "./lost-traces.ts";
import { createNodeCalls, type NodeCalls } from "./node-calls.ts";
import { type NodeFault, type NodeObserver, unobserved } from "./node-observer.ts";
import { readReceipts } from "./receipts.ts";
import { type RequestPace, unpaced } from "./request-pace.ts";
import { leastGas, SingleTraces } from "./single-traces.ts";
import type { AnswerKind, TraceCosts } from "./trace-costs.ts";
import { type TraceGate, ungated } from "./trace-gate.ts";
import { callTracer, type NodeTraceOptions, streamTrace, structLogger } from "./traces.ts";

/** The node, and the raw calls that only the start-up probe makes. */
export type RawNode = ExecutionNode & {
  readonly calls: NodeCalls;
  readonly stream: ByteStream;
  /** Asks anew, and keeps the answer: a node may come back as another version. */
  askClientVersion(): Promise<string>;
  /** The highest block number. @throws {NodeUnavailableError} after 5 s at the latest. */
  height(signal?: AbortSignal): Promise<number>;
  traceCalls(blockHash: Hex, options: NodeTraceOptions): AsyncIterable<Uint8Array>;
  traceSteps(
    blockHash: Hex,
    options: NodeTraceOptions & StepTraceOptions,
  ): AsyncIterable<Uint8Array>;
  /** The least gas of a block whose trace did not pass as a whole lately; null = none. */
  readonly singlesFromGas: number | null;
};

/** Who counts what the node does, and how many traces it gets at once. */
export type NodeWatch = {
  readonly observer: NodeObserver;
  readonly gate: TraceGate;
  /** When requests may leave; absent: at once. */
  readonly pace?: { readonly head: RequestPace; readonly bulk: RequestPace };
  /** A trace came whole (null), or failed by the node's doing. */
  readonly onTraced: (fault: NodeFault | null) => void;
  /** It was asked which accounts have code: it said so (null), or why it does not. */
  readonly onCode?: (whyNot: string | null) => void;
  /** Chooses between ways to trace. Absent: blocks whose stacks nobody needs are traced without, uncompressed. */
  readonly costs?: TraceCosts;
};

const unwatched: NodeWatch = { observer: unobserved, gate: ungated, onTraced: () => {} };

/** A node that cannot say its height in this time serves nobody. */
const healthTimeoutMs = 5_000;

/**
 * Creates the adapter of one node. Errors name the node as configured; never its url.
 * @param limits.traceTimeoutMs - The longest that one trace may take, whatever its caller allows.
 */
export function createExecutionNode(
  endpoint: Endpoint,
  limits: { readonly traceTimeoutMs: number },
  watch: NodeWatch = unwatched,
): RawNode {
  return createNodeViews(endpoint, limits, watch).bulk;
}

/** One node as the head sees it, which waits for nobody else's requests and traces, and as all others do. */
export function createNodeViews(
  endpoint: Endpoint,
  { traceTimeoutMs }: { readonly traceTimeoutMs: number },
  watch: NodeWatch,
): { readonly head: RawNode; readonly bulk: RawNode } {
  const known: Known = {
    version: undefined,
    lostTraces: new LostTraces(),
    singles: { calls: new SingleTraces(), steps: new SingleTraces(), stacks: new SingleTraces() },
  };
  return {
    head: createView(endpoint, { traceTimeoutMs, watch, known, isHead: true }),
    bulk: createView(endpoint, { traceTimeoutMs, watch, known, isHead: false }),
  };
}

/** What was learnt of the node, whoever asked. */
type Known = {
  version: string | undefined;
  readonly lostTraces: LostTraces;
  readonly singles: Readonly<Record<AnswerKind, SingleTraces>>;
};

type View = {
  readonly traceTimeoutMs: number;
  readonly watch: NodeWatch;
  readonly known: Known;
  readonly isHead: boolean;
};

function createView(endpoint: Endpoint, { traceTimeoutMs, watch, known, isHead }: View): RawNode {
  const { observer, gate, onTraced, onCode, costs } = watch;
  const pace = watch.pace?.[isHead ? "head" : "bulk"] ?? unpaced;
  const calls = createNodeCalls(endpoint, observer, pace);
  const stream = createByteStream(endpoint, pace);
  const { lostTraces, singles } = known;
  const tracing = { calls, stream, lostTraces, gate, singles, onTraced, costs };
  const limit = ({ timeoutMs, ...options }: NodeTraceOptions): NodeTraceOptions => ({
    ...options,
    isHead: isHead || options.isHead === true,
    timeoutMs: Math.min(timeoutMs, traceTimeoutMs),
  });

  async function askVersion(): Promise<string> {
    return String(await calls.demand("web3_clientVersion", []));
  }

  const isHealthy = (signal?: AbortSignal) => saysHeight(calls, signal);

  return {
    name: endpoint.name,
    calls,
    stream,
    async clientVersion() {
      known.version ??= await askVersion();
      return known.version;
    },
    async askClientVersion() {
      known.version = await askVersion();
      return known.version;
    },
    chainId: () => readQuantity(calls, "eth_chainId"),
    head: (policy, signal) => readHead(calls, policy, signal),
    blockByNumber: (blockNumber, signal) =>
      readBlock(calls, "eth_getBlockByNumber", toHex(blockNumber), signal),
    blockByHash: (blockHash, signal) => readBlock(calls, "eth_getBlockByHash", blockHash, signal),
    blockRefs: (blockNumbers, signal) => readBlockRefs(calls, blockNumbers, signal),
    receipts: (block, signal) => readReceipts(calls, block, signal),
    traceCalls: (blockHash, options) => streamTrace(tracing, blockHash, callTracer, limit(options)),
    traceSteps: (blockHash, { stacks, ...options }) =>
      streamTrace(tracing, blockHash, { ...structLogger, disableStack: !stacks }, limit(options)),
    ...(costs && { chooseTraceWay: ({ gasUsed }) => costs.chooseWay(gasUsed) }),
    async findCode(query, signal) {
      const answer = await findCode({ calls, isHealthy }, query, signal);
      onCode?.(answer.haveCode === null ? answer.why : null);
      return answer;
    },
    gasUsed: (newestBlock, blockCount, signal) =>
      readGasUsed(calls, newestBlock, blockCount, signal),
    height: (signal) => readHeight(calls, signal),
    get singlesFromGas() {
      return leastGas([singles.steps, singles.stacks], Date.now());
    },
    isHealthy,
  };
}

async function readHeight(calls: NodeCalls, signal?: AbortSignal): Promise<number> {
  return readQuantity(calls, "eth_blockNumber", { signal, timeoutMs: healthTimeoutMs });
}

async function readQuantity(
  calls: NodeCalls,
  method: string,
  options?: CallOptions,
): Promise<number> {
  const answer = await calls.demand(method, [], options);
  if (!isQuantity(answer)) throw calls.malformed(method);
  return toNumber(answer);
}

async function saysHeight(calls: NodeCalls, signal?: AbortSignal): Promise<boolean> {
  try {
    await readHeight(calls, signal);
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
