import { NodeUnavailableError } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { isRateLimit, RpcRefusal, TransportFault } from "./faults.ts";
import { type CallOptions, createJsonRpc, type RpcCall } from "./json-rpc.ts";
import { type NodeObserver, unobserved } from "./node-observer.ts";
import { type RequestPace, unpaced } from "./request-pace.ts";
import { createSharedCall } from "./shared-requests.ts";

/** JSON-RPC calls of one node, with its faults in our words: the node's configured name, never its url. */
export type NodeCalls = {
  readonly name: string;
  /** @throws {NodeUnavailableError} @throws {RpcRefusal} when the node answers and says no. */
  ask(call: RpcCall, options?: CallOptions): Promise<unknown>;
  /**
   * For calls that every node serves: a refusal is a fault of the node too.
   * @throws {NodeUnavailableError}
   */
  demand(method: string, params: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /**
   * One call for each of `params`, in batches; a refused one fails them all, since callers need all answers.
   * @throws {NodeUnavailableError} @throws {RpcRefusal} when the node answers and says no.
   */
  askEach(
    method: string,
    params: readonly (readonly unknown[])[],
    options?: CallOptions,
  ): Promise<unknown[]>;
  /**
   * The same of calls that every node serves: a refusal is a fault of the node too.
   * @throws {NodeUnavailableError}
   */
  demandEach: NodeCalls["askEach"];
  /** An answer that cannot be read. */
  malformed(method: string): NodeUnavailableError;
};

/** What is asked for several blocks at the same moment, while blocks are prepared ahead. */
const shareable: ReadonlySet<string> = new Set(["eth_getBlockByNumber", "eth_getBlockReceipts"]);

/** Erigon takes 100 calls in a batch; others take more. */
const batchSize = 100;

export function createNodeCalls(
  endpoint: Endpoint,
  observer: NodeObserver = unobserved,
  pace: RequestPace = unpaced,
): NodeCalls {
  const rpc = createJsonRpc(endpoint, observer, pace);
  const sharedCall = createSharedCall(rpc, pace.mostCalls);
  const batchCalls = Math.min(batchSize, pace.mostCalls);
  const node = endpoint.name;

  const send = (call: RpcCall, options?: CallOptions): Promise<unknown> =>
    shareable.has(call.method) ? sharedCall(call, options) : rpc.call(call, options);

  const unavailable = (method: string, error: unknown): NodeUnavailableError =>
    new NodeUnavailableError({
      node,
      method,
      reason: error instanceof Error ? error.message : "unknown fault",
    });

  /** @param isAway - Which faults are the node's; others are thrown as they are. */
  async function orUnavailable<Answer>(
    method: string,
    asked: Promise<Answer>,
    isAway: (error: unknown) => boolean,
  ): Promise<Answer> {
    try {
      return await asked;
    } catch (error) {
      throw isAway(error) ? unavailable(method, error) : error;
    }
  }

  async function sendEach(
    method: string,
    params: readonly (readonly unknown[])[],
    options?: CallOptions,
  ): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (let start = 0; start < params.length; start += batchCalls) {
      const calls = params
        .slice(start, start + batchCalls)
        .map((each) => ({ method, params: each }));
      const part = await rpc.batch(calls, options);
      const refusal = part.find((answer) => answer instanceof RpcRefusal);
      if (refusal !== undefined) throw refusal;
      answers.push(...part);
    }
    return answers;
  }

  return {
    name: node,
    ask: (call, options) => orUnavailable(call.method, send(call, options), isOutage),
    demand: (method, params, options) =>
      orUnavailable(method, send({ method, params }, options), isAnyFault),
    askEach: (method, params, options) =>
      orUnavailable(method, sendEach(method, params, options), isOutage),
    demandEach: (method, params, options) =>
      orUnavailable(method, sendEach(method, params, options), isAnyFault),
    malformed: (method) =>
      new NodeUnavailableError({ node, method, reason: "the answer has another shape" }),
  };
}

function isOutage(error: unknown): boolean {
  return error instanceof TransportFault || isRateLimit(error);
}

function isAnyFault(error: unknown): boolean {
  return error instanceof TransportFault || error instanceof RpcRefusal;
}
