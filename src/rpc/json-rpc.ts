import { setTimeout as sleep } from "node:timers/promises";
import { HttpRequestError, RpcRequestError, TimeoutError } from "viem";
import { getHttpRpcClient } from "viem/utils";
import type { Endpoint } from "./endpoint.ts";
import { RpcRefusal, readRefusal, socketCode, TransportFault } from "./faults.ts";

export type RpcCall = { readonly method: string; readonly params: readonly unknown[] };
export type CallOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Default 30 s. */
  readonly timeoutMs?: number;
};

/** JSON-RPC over HTTP for answers that fit in memory. */
export type JsonRpc = {
  /** @throws {RpcRefusal} @throws {TransportFault} */
  call(call: RpcCall, options?: CallOptions): Promise<unknown>;
  /**
   * Sends calls in one HTTP request; the answers come in the order of the calls, a refused one as its refusal.
   * @throws {TransportFault}
   */
  batch(calls: readonly RpcCall[], options?: CallOptions): Promise<unknown[]>;
};

const defaultTimeoutMs = 30_000;
/** A keep-alive socket that the node closed just now, or a node that restarts: worth one more try, not more. */
const retryDelaysMs = [100, 500];

export function createJsonRpc(endpoint: Endpoint): JsonRpc {
  const client = getHttpRpcClient(endpoint.url, {
    fetchOptions: { headers: { ...endpoint.headers } },
    // Receipts of one block pass viem's default of 10 MB.
    maxResponseBodySize: false,
  });

  return {
    async call(call, options) {
      const answer = await send(
        (fetchOptions, timeout) => client.request({ body: toBody(call), fetchOptions, timeout }),
        options,
      );
      const outcome = readOutcome(answer);
      if (outcome instanceof RpcRefusal) throw outcome;
      return outcome;
    },

    async batch(calls, options) {
      const body = calls.map((call, index) => ({ ...toBody(call), id: index }));
      const answers = await send(
        (fetchOptions, timeout) => client.request({ body, fetchOptions, timeout }),
        options,
      );
      const byId = new Map(answers.map((answer) => [answer.id, answer]));
      return calls.map((_, index) => readOutcome(byId.get(index)));
    },
  };
}

function toBody({ method, params }: RpcCall) {
  return { method, params: [...params] };
}

function readOutcome(answer: unknown): unknown {
  const refusal = readRefusal(answer);
  if (refusal) return refusal;
  if (typeof answer === "object" && answer !== null && "result" in answer) return answer.result;
  throw new TransportFault("the answer is no JSON-RPC", { isTransient: false });
}

function toFault(error: unknown, timeoutMs: number): Error {
  if (error instanceof TransportFault || error instanceof RpcRefusal) return error;
  if (error instanceof RpcRequestError)
    return new RpcRefusal({ code: error.code, message: error.details });
  if (error instanceof TimeoutError) {
    return new TransportFault(`no answer within ${timeoutMs / 1000} s`, { isTransient: false });
  }
  if (error instanceof HttpRequestError && error.status !== undefined) {
    return new TransportFault(`HTTP ${error.status}`, { isTransient: false });
  }
  const code = socketCode(error);
  if (code) return new TransportFault(code, { isTransient: true });
  if (isBadPort(error))
    return new TransportFault("its port is one that no HTTP client calls", { isTransient: false });
  return new TransportFault("the answer is no JSON-RPC", { isTransient: false });
}

/** The fetch standard blocks ports of other protocols, such as 1 or 25 ("bad port"), without a code of the system. */
function isBadPort(error: unknown): boolean {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    if (fault.message === "bad port") return true;
  }
  return false;
}

async function send<Answer>(
  request: (fetchOptions: RequestInit, timeout: number) => Promise<Answer>,
  { signal, timeoutMs = defaultTimeoutMs }: CallOptions = {},
): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await request(signal ? { signal } : {}, timeoutMs);
    } catch (error) {
      signal?.throwIfAborted();
      const fault = toFault(error, timeoutMs);
      const delayMs = retryDelaysMs[attempt];
      if (!(fault instanceof TransportFault && fault.isTransient) || delayMs === undefined) {
        throw fault;
      }
      await sleep(delayMs, undefined, signal ? { signal } : {});
    }
  }
}
