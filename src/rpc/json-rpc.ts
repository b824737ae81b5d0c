import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { decoded, undecodableReason } from "./content-encoding.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  isMethodMissing,
  isRateLimit,
  RpcRefusal,
  readRefusal,
  socketCode,
  TransportFault,
} from "./faults.ts";
import { createHttpPost, isSuccess } from "./http-post.ts";
import { type NodeObserver, readRetryAfter, unobserved } from "./node-observer.ts";
import { type RequestPace, unpaced } from "./request-pace.ts";

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

const tooManyRequests = 429;
/** Who may ask, how often and for how long: the node as a whole, and not this one call. */
const accessStatuses: ReadonlySet<number> = new Set([401, 403, 407, 408, tooManyRequests]);
/** Far above the receipts of a batch of full blocks, and still no danger to the process. */
const mostBytes = 256 * 1024 * 1024;

export function createJsonRpc(
  endpoint: Endpoint,
  observer: NodeObserver = unobserved,
  pace: RequestPace = unpaced,
): JsonRpc {
  const post = createHttpPost(endpoint);
  const send = createSend(observer, pace);

  async function ask(request: object, signal: AbortSignal): Promise<unknown> {
    const response = await post(Buffer.from(JSON.stringify(request)), signal);
    const status = response.statusCode ?? 0;
    const answer = parseJson(await readBody(decoded(response)));
    if (isSuccess(status) && answer !== undefined) return answer;
    const refusal = readRefusal(answer);
    if (refusal && (isRefusalOf(status) || isMethodMissing(refusal))) return answer;
    throw isSuccess(status) ? noJsonRpc() : statusFault(status, response);
  }

  return {
    async call(call, options) {
      const answer = await send((signal) => ask(toRequest(call, 1), signal), 1, options);
      const outcome = readOutcome(answer);
      if (outcome instanceof RpcRefusal) throw outcome;
      return outcome;
    },

    async batch(calls, options) {
      const requests = calls.map(toRequest);
      const answers = await send((signal) => ask(requests, signal), calls.length, options);
      if (!Array.isArray(answers)) throw batchRefused(answers);
      const byId = new Map(answers.map((answer) => [idOf(answer), answer]));
      return calls.map((_, index) => readOutcome(byId.get(index)));
    },
  };
}

function statusFault(status: number, { headers }: IncomingMessage): TransportFault {
  return new TransportFault(`HTTP ${status}`, {
    isTransient: false,
    kind: status === tooManyRequests ? "rate_limited" : "http",
    retryAfterMs: readRetryAfter(headers["retry-after"], Date.now()),
  });
}

function toRequest({ method, params }: RpcCall, id: number) {
  return { jsonrpc: "2.0", id, method, params };
}

/** Gateways say with a status of their own that a method or its parameters are not for them. */
function isRefusalOf(status: number): boolean {
  return status >= 400 && status < 500 && !accessStatuses.has(status);
}

function readBody(body: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    body.on("data", (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > mostBytes) body.destroy(noJsonRpc());
    });
    body.on("end", () => resolve(Buffer.concat(parts).toString()));
    // A body that is cut ends in "aborted", which is an error of code ECONNRESET.
    body.on("error", reject);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function idOf(answer: unknown): unknown {
  return typeof answer === "object" && answer !== null && "id" in answer ? answer.id : undefined;
}

function readOutcome(answer: unknown): unknown {
  const refusal = readRefusal(answer);
  if (refusal) return refusal;
  if (typeof answer === "object" && answer !== null && "result" in answer) return answer.result;
  throw noJsonRpc();
}

/** A node that takes no batch, or none so large, answers with one error. */
function batchRefused(answer: unknown): TransportFault {
  const refusal = readRefusal(answer);
  if (refusal === undefined) return noJsonRpc();
  const kind = isRateLimit(refusal) ? "rate_limited" : "http";
  return new TransportFault(refusal.message, { isTransient: false, kind });
}

/** An answer, or one of a batch: asked too often; with HTTP 200, as providers say it. */
function saysTooOften(answer: unknown): boolean {
  const answers = Array.isArray(answer) ? answer : [answer];
  return answers.some((one) => isRateLimit(readRefusal(one)));
}

function noJsonRpc(): TransportFault {
  return new TransportFault("the answer is no JSON-RPC", { isTransient: false, kind: "garbled" });
}

function createSend(observer: NodeObserver, pace: RequestPace) {
  return async function send(
    ask: (signal: AbortSignal) => Promise<unknown>,
    calls: number,
    { signal, timeoutMs = defaultTimeoutMs }: CallOptions = {},
  ): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      // Before the clock starts: waiting for our own pace is no slowness of the node.
      await pace.take(calls, signal);
      const startedAt = performance.now();
      try {
        const answer = await askInTime(ask, timeoutMs, signal);
        if (saysTooOften(answer)) observer.failed({ kind: "rate_limited", retryAfterMs: null });
        else observer.answered((performance.now() - startedAt) / 1000);
        return answer;
      } catch (error) {
        signal?.throwIfAborted();
        const fault = toFault(error);
        if (fault instanceof TransportFault) observer.failed(fault.fault);
        const delayMs = retryDelaysMs[attempt];
        if (!(fault instanceof TransportFault && fault.isTransient) || delayMs === undefined) {
          throw fault;
        }
        await sleep(delayMs, undefined, signal ? { signal } : {});
      }
    }
  };
}

async function askInTime(
  ask: (signal: AbortSignal) => Promise<unknown>,
  timeoutMs: number,
  parent: AbortSignal | undefined,
): Promise<unknown> {
  parent?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort();
  parent?.addEventListener("abort", abort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    abort();
  }, timeoutMs);
  try {
    return await ask(controller.signal);
  } catch (error) {
    if (!isLate) throw error;
    const reason = `no answer within ${timeoutMs / 1000} s`;
    throw new TransportFault(reason, { isTransient: false, kind: "timeout" });
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener("abort", abort);
  }
}

function toFault(error: unknown): Error {
  if (error instanceof TransportFault || error instanceof RpcRefusal) return error;
  const undecodable = undecodableReason(error);
  if (undecodable !== null) {
    return new TransportFault(undecodable, { isTransient: true, kind: "garbled" });
  }
  const reason = socketCode(error) ?? "the connection closed";
  return new TransportFault(reason, { isTransient: true, kind: "unreachable" });
}
