import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { parseCalls, type RpcCall } from "./json-rpc.ts";
import { startLoopbackServer } from "./loopback-server.ts";

/** Stands before a node and stops a call on its way: before the node hears of it, or before its answer comes back. */
export type NodeGate = {
  readonly url: string;
  /** Stops the next call of a method (after `skip` others), until it is let go. */
  readonly hold: (method: string, where: "before" | "after", skip?: number) => Held;
  /** Calls that the node has answered, oldest first; of those of `eth_sendRawTransaction` the bytes too. */
  readonly answered: readonly Answered[];
  /** true: every connection is refused or broken. false: the node is back. */
  readonly outage: (isAway: boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
};
export type Held = {
  /** Resolves when a call stands at the gate. */
  readonly reached: Promise<unknown>;
  /** Lets the call go on, or any that comes, where none stands there yet. */
  readonly release: () => void;
  /** Breaks the caller's connection; a call held before the node never reaches it. */
  readonly drop: () => void;
};
export type Answered = { readonly method: string; readonly atMs: number; readonly raw?: string };

type Waiting = {
  readonly method: string;
  readonly where: "before" | "after";
  skip: number;
  /** Called by the call that is held; answers whether it may go on. */
  readonly stand: () => Promise<"go" | "drop">;
};

/** Starts a gate on loopback. */
export async function startNodeGate(targetUrl: string): Promise<NodeGate> {
  const waiting: Waiting[] = [];
  const answered: Answered[] = [];
  const server = await startLoopbackServer((incoming, outgoing) =>
    pass({ targetUrl, waiting, answered }, incoming, outgoing),
  );
  return {
    url: server.url,
    hold: (method, where, skip = 0) => {
      const arrival = deferred<undefined>();
      const decision = deferred<"go" | "drop">();
      waiting.push({
        method,
        where,
        skip,
        stand: () => {
          arrival.resolve(undefined);
          return decision.promise;
        },
      });
      return {
        reached: arrival.promise,
        release: () => decision.resolve("go"),
        drop: () => decision.resolve("drop"),
      };
    },
    answered,
    outage: server.outage,
    stop: server.stop,
  };
}

function deferred<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  const resolvers: ((value: Value) => void)[] = [];
  const promise = new Promise<Value>((resolve) => resolvers.push(resolve));
  return { promise, resolve: (value) => resolvers[0]?.(value) };
}

type Gate = {
  readonly targetUrl: string;
  readonly waiting: Waiting[];
  readonly answered: Answered[];
};

async function pass(gate: Gate, incoming: IncomingMessage, outgoing: ServerResponse) {
  const body = await text(incoming);
  const calls = parseCalls(body);
  const held = takeHeld(gate.waiting, calls);
  if (held?.where === "before" && (await held.stand()) === "drop") return outgoing.destroy();
  const answer = await fetch(gate.targetUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const content = await answer.text();
  note(gate.answered, calls);
  if (held?.where === "after" && (await held.stand()) === "drop") return outgoing.destroy();
  return outgoing.writeHead(answer.status, { "content-type": "application/json" }).end(content);
}

/** The first that waits for one of the calls; whoever lets others pass counts them. */
function takeHeld(waiting: Waiting[], calls: readonly RpcCall[]): Waiting | undefined {
  for (const [index, one] of waiting.entries()) {
    const matching = calls.filter(({ method }) => method === one.method).length;
    if (matching > one.skip) return waiting.splice(index, 1)[0];
    one.skip -= matching;
  }
  return undefined;
}

function note(answered: Answered[], calls: readonly RpcCall[]): void {
  const atMs = Date.now();
  for (const { method, params } of calls) {
    const [raw] = params;
    const isSend = method === "eth_sendRawTransaction" && typeof raw === "string";
    answered.push(isSend ? { method, atMs, raw } : { method, atMs });
  }
}
