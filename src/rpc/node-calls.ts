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
   * @throws {NodeUnavailableError}
   */
  demandEach(
    method: string,
    params: readonly (readonly unknown[])[],
    options?: CallOptions,
  ): Promise<unknown[]>;
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

  return {
    name: node,

    async ask(call, options) {
      try {
        return await send(call, options);
      } catch (error) {
        const isAway = error instanceof TransportFault || isRateLimit(error);
        throw isAway ? unavailable(call.method, error) : error;
      }
    },

    async demand(method, params, options) {
      try {
        return await send({ method, params }, options);
      } catch (error) {
        const isFault = error instanceof TransportFault || error instanceof RpcRefusal;
        throw isFault ? unavailable(method, error) : error;
      }
    },

    async demandEach(method, params, options) {
      const answers: unknown[] = [];
      for (let start = 0; start < params.length; start += batchCalls) {
        const calls = params
          .slice(start, start + batchCalls)
          .map((each) => ({ method, params: each }));
        const part = await rpc.batch(calls, options).catch((error: unknown) => {
          throw error instanceof TransportFault ? unavailable(method, error) : error;
        });
        const refusal = part.find((answer) => answer instanceof RpcRefusal);
        if (refusal !== undefined) throw unavailable(method, refusal);
        answers.push(...part);
      }
      return answers;
    },

    malformed: (method) =>
      new NodeUnavailableError({ node, method, reason: "the answer has another shape" }),
  };
}
