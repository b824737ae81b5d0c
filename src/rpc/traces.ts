import type { TraceOptions } from "../activities/ports.ts";
import type { Hex } from "../domain/chain.ts";
import { BlockFailedError, NodeUnavailableError } from "../errors.ts";
import { readBlock, readHead } from "./blocks.ts";
import { type ByteStream, StreamFailed } from "./byte-stream.ts";
import { toNumber } from "./decode.ts";
import type { RpcCall } from "./json-rpc.ts";
import type { LostTraces, TraceInFlight } from "./lost-traces.ts";
import type { NodeCalls } from "./node-calls.ts";
import type { NodeFault } from "./node-observer.ts";
import { type SingleTraces, singlesAsBlock } from "./single-traces.ts";
import type { AnswerKind, TraceCosts } from "./trace-costs.ts";
import {
  classifyStreamFault,
  describeStreamFault,
  isRefusedForNow,
  toNodeFault,
} from "./trace-fault.ts";
import { NodeRests, type TraceGate, type TraceTurn } from "./trace-gate.ts";
import {
  isStateMissing,
  isWholeBlockFault,
  WholeBlockRefused,
  withoutRateLimit,
  withoutWholeBlockRefusal,
} from "./whole-block.ts";

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

/** What a trace needs of its node. */
export type TracingNode = {
  readonly calls: NodeCalls;
  readonly stream: ByteStream;
  readonly lostTraces: LostTraces;
  readonly gate: TraceGate;
  /** What is too large with stacks may pass without. */
  readonly singles: Readonly<Record<AnswerKind, SingleTraces>>;
  /** Is told of every trace that a node failed at, and of those that came whole (null). */
  readonly onTraced: (fault: NodeFault | null) => void;
  readonly costs: TraceCosts | undefined;
};

/** `isHead`: it does not wait for those of a backfill. */
export type NodeTraceOptions = TraceOptions & { readonly isHead?: boolean };

type Trace = {
  readonly blockHash: Hex;
  readonly tracer: object;
  readonly options: NodeTraceOptions;
  readonly turn: TraceTurn;
};

/**
 * The body of the answer to `debug_traceBlockByHash`; where the node cannot answer for the block as a whole, one put
 * together from its transactions.
 * @throws {NodeUnavailableError} @throws {BlockFailedError} kinds trace_cut, trace_refused, deadline_exceeded: the node
 * is well, and this one answer failed.
 */
export async function* streamTrace(
  node: TracingNode,
  blockHash: Hex,
  tracer: object,
  options: NodeTraceOptions,
): AsyncIterable<Uint8Array> {
  const { gasUsed, signal, way } = options;
  const name = `${blockHash} ${JSON.stringify(tracer)}`;
  if (node.lostTraces.isSuspect(name)) {
    node.lostTraces.forget(name); // what is decided now holds for this attempt; the next one asks for the trace again
    await refuseSuspect(node, blockHash, signal);
  }
  const singles = node.singles[kindOf(tracer)];
  const isMassive = singles.isNeeded(name, gasUsed, Date.now());
  const turn = await node.gate.take({ ...options, isMassive }).catch((error: unknown) => {
    if (!(error instanceof NodeRests)) throw error;
    throw new NodeUnavailableError({ node: node.calls.name, method, reason: error.message });
  });
  const lost = node.lostTraces.begin(name);
  const trace = { blockHash, tracer, options, turn };
  const begunAt = performance.now();
  try {
    if (singles.isNeeded(name, gasUsed, Date.now())) {
      yield* streamSingles(node, trace);
    } else {
      try {
        yield* streamWhole(node, trace);
      } catch (error) {
        if (!(error instanceof WholeBlockRefused)) throw error;
        singles.learn(name, gasUsed, Date.now());
        yield* streamSingles(node, trace);
      }
    }
    lost.arrived();
    node.onTraced(null);
    way?.spent(performance.now() - begunAt);
  } catch (error) {
    if (!(error instanceof StreamFailed)) throw error;
    const fault = toNodeFault(error.fault);
    turn.failed(fault);
    // What it has thrown away it need not have.
    if (!isStateMissing(describeStreamFault(error.fault))) node.onTraced(fault);
    // What ends in the middle may be a block that is too large for a proxy: the next attempt asks for less at once.
    if (error.isBegun) singles.learn(name, undefined, Date.now());
    throw await toBlame(node.calls, { blockHash, failure: error, trace: lost }, signal);
  } finally {
    lost.end();
    turn.end();
  }
}

/** @throws {WholeBlockRefused} before the first byte. @throws {StreamFailed} */
async function* streamWhole(node: TracingNode, trace: Trace): AsyncGenerator<Uint8Array> {
  const { timeoutMs, signal, gasUsed } = trace.options;
  const call = toCall(trace.blockHash, trace.tracer, timeoutMs);
  const answer = node.costs?.chooseEncoding(kindOf(trace.tracer), gasUsed);
  const gzip = answer?.encoding === "gzip";
  const stream = node.stream(call, { timeoutMs: timeoutMs + graceMs, signal, gzip });
  try {
    yield* timed(withoutWholeBlockRefusal(stream), trace.turn, answer?.came);
  } catch (error) {
    if (isUndecodable(error)) answer?.broken();
    const isWhole =
      error instanceof StreamFailed && !error.isBegun && isWholeBlockFault(error.fault);
    if (!isWhole) throw error;
    trace.turn.failed(toNodeFault(error.fault));
    throw new WholeBlockRefused(describeStreamFault(error.fault));
  } finally {
    answer?.end();
  }
}

function kindOf(tracer: object): AnswerKind {
  if (tracer === callTracer) return "calls";
  return "disableStack" in tracer && tracer.disableStack === true ? "steps" : "stacks";
}

function isUndecodable(error: unknown): boolean {
  return (
    error instanceof StreamFailed &&
    error.fault.kind === "socket" &&
    error.fault.isUndecodable === true
  );
}

/** @throws {StreamFailed} @throws {NodeUnavailableError} */
async function* streamSingles(node: TracingNode, trace: Trace): AsyncGenerator<Uint8Array> {
  const { timeoutMs, signal } = trace.options;
  const block = await readBlock(node.calls, "eth_getBlockByHash", trace.blockHash, signal);
  const hashes = block?.transactions.map(({ hash }) => hash) ?? [];
  const tracer = withTimeout(trace.tracer, timeoutMs);
  const ask = (call: RpcCall) =>
    withoutRateLimit(node.stream(call, { timeoutMs: timeoutMs + graceMs, signal }));
  yield* timed(singlesAsBlock(hashes, tracer, ask), trace.turn);
}

/**
 * Tells the turn how long the node was waited for; while the reader is at work nobody waits.
 * @param came - is told how long the answer took as a whole: what more bytes cost the reader counts there.
 */
async function* timed(
  parts: AsyncIterable<Uint8Array>,
  turn: TraceTurn,
  came: (answer: { readonly ms: number; readonly bytes: number }) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let waitedMs = 0;
  let bytes = 0;
  const begunAt = performance.now();
  let askedAt = begunAt;
  for await (const part of parts) {
    waitedMs += performance.now() - askedAt;
    bytes += part.length;
    yield part;
    askedAt = performance.now();
  }
  turn.done({ seconds: (waitedMs + performance.now() - askedAt) / 1000, bytes });
  came({ ms: performance.now() - begunAt, bytes });
}

function toCall(blockHash: Hex, tracer: object, timeoutMs: number): RpcCall {
  return { method, params: [blockHash, withTimeout(tracer, timeoutMs)] };
}

function withTimeout(tracer: object, timeoutMs: number): object {
  return { ...tracer, timeout: `${Math.ceil(timeoutMs / 1000)}s` };
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
  { calls, stream }: Pick<TracingNode, "calls" | "stream">,
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
