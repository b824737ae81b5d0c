import type { ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { startLoopbackServer } from "../../src/dev/loopback-server.ts";

export type ProxiedCall = {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
};
/** What stands in the place of the node's answer; undefined: its own answer. `drop`: the socket closes. */
export type Instead =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | "drop"
  | undefined;
/** @param ask - the node's own `result`. */
export type Tamper = (call: ProxiedCall, ask: () => Promise<unknown>) => Instead | Promise<Instead>;

export type NodeProxy = {
  readonly url: string;
  /** May be changed at any time; default: nothing is tampered with. */
  tamper: Tamper;
  /** Calls that came, by method; those of a batch each. */
  readonly calls: Map<string, number>;
  /** Calls that were answered, by method. */
  readonly answers: Map<string, number>;
  /** HTTP requests that came. */
  requests: number;
  /** Headers of the last request. */
  lastHeaders: Readonly<Record<string, unknown>>;
  /** true: no connection is taken any more. */
  outage: (isAway: boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
};

type NodeAnswer = { readonly result?: unknown; readonly error?: object };

/** A real node behind a proxy that a test can make lie, lag and refuse, call by call. */
export async function startNodeProxy(targetUrl: string, tamper?: Tamper): Promise<NodeProxy> {
  const server = await startLoopbackServer(async (request, response) => {
    const body: ProxiedCall | ProxiedCall[] = JSON.parse(await text(request));
    proxy.requests += 1;
    proxy.lastHeaders = request.headers;
    const calls = Array.isArray(body) ? body : [body];
    const answers: object[] = [];
    for (const call of calls) {
      count(proxy.calls, call.method);
      const answer = await answerOf(call);
      if (answer === "drop" || "status" in answer) {
        refuse(response, answer);
        return;
      }
      answers.push({ jsonrpc: "2.0", id: call.id, ...answer });
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
    for (const { method } of calls) count(proxy.answers, method);
  });

  async function answerOf(call: ProxiedCall) {
    const ask = async (): Promise<unknown> => {
      const { result } = await forward(call);
      return result;
    };
    return (await proxy.tamper(call, ask)) ?? forward(call);
  }

  async function forward({ method, params }: ProxiedCall): Promise<NodeAnswer> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(targetUrl, { method: "POST", headers, body });
    const { result, error }: NodeAnswer = JSON.parse(await answer.text());
    return error ? { error } : { result };
  }

  const proxy: NodeProxy = {
    url: server.url,
    tamper: tamper ?? (() => undefined),
    calls: new Map(),
    answers: new Map(),
    requests: 0,
    lastHeaders: {},
    outage: server.outage,
    stop: server.stop,
  };
  return proxy;
}

function count(calls: Map<string, number>, method: string): void {
  calls.set(method, (calls.get(method) ?? 0) + 1);
}

function refuse(
  response: ServerResponse,
  answer: "drop" | { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
): void {
  if (answer === "drop") response.destroy();
  else response.writeHead(answer.status, answer.headers).end("refused");
}
