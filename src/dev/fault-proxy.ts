import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { type Fault, FaultPlan } from "./fault-plan.ts";

/** Stands between us and a node, and breaks what it is told to break. */
export type FaultProxy = {
  readonly url: string;
  /** Makes the next `times` step traces of a block (number or hash) fail; default once. */
  readonly failBlock: (block: number | string, fault: Fault, times?: number) => void;
  /** Faults that were really done, oldest first. */
  readonly injected: FaultPlan["injected"];
  /** true: the node is away, every connection is refused or broken. false: it is back. */
  readonly outage: (isAway: boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
};

const call = z.object({
  id: z.unknown(),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
});
type Call = z.infer<typeof call>;
const traceMethods = ["debug_traceBlockByHash", "debug_traceBlockByNumber"];
const blockMethods = ["eth_getBlockByNumber", "eth_getBlockByHash"];
const traceAnswer = z.looseObject({
  result: z.array(z.looseObject({ result: z.looseObject({ structLogs: z.array(z.unknown()) }) })),
});
const named = z.object({ tracer: z.string() });
type TraceAnswer = z.infer<typeof traceAnswer>;
const blockAnswer = z.object({ result: z.object({ number: z.string(), hash: z.string() }) });

/** Starts a proxy on loopback. What no fault concerns is streamed through as it is. */
export async function startFaultProxy(options: {
  readonly targetUrl: string;
  readonly port?: number;
}): Promise<FaultProxy> {
  const plan = new FaultPlan();
  const server = createServer((incoming, outgoing) => {
    handle({ targetUrl: options.targetUrl, plan }, incoming, outgoing).catch(() =>
      outgoing.destroy(),
    );
  });
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const port = await listen(options.port ?? 0);
  return {
    url: `http://127.0.0.1:${port}`,
    failBlock: (block, fault, times) => plan.failBlock(block, fault, times),
    get injected() {
      return plan.injected;
    },
    outage: async (isAway) => {
      if (isAway && server.listening) await close();
      if (!isAway && !server.listening) await listen(port);
    },
    stop: close,
  };
}

type Route = { readonly targetUrl: string; readonly plan: FaultPlan };

async function handle(route: Route, incoming: IncomingMessage, outgoing: ServerResponse) {
  const body = await text(incoming);
  const calls = parseCalls(body);
  const trace = calls.find(isStepTrace);
  const block = trace === undefined ? undefined : blockOf(trace);
  const fault = block === undefined ? undefined : route.plan.take(block);
  if (trace !== undefined && fault !== undefined) {
    await answerWrongly({ fault, trace, body, route, outgoing });
    return;
  }
  const answer = await forward(route.targetUrl, body);
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  if (calls.some(({ method }) => blockMethods.includes(method))) {
    const content = await text(answer);
    learnBlocks(route.plan, content);
    outgoing.end(content);
    return;
  }
  await pipeline(answer, outgoing);
}

function parseCalls(body: string): Call[] {
  try {
    const content: unknown = JSON.parse(body);
    return (Array.isArray(content) ? content : [content]).flatMap((one) => {
      const parsed = call.safeParse(one);
      return parsed.success ? [parsed.data] : [];
    });
  } catch {
    return []; // no JSON-RPC: the node may say so
  }
}

/** A trace of steps; one with a named tracer, such as callTracer, passes. */
function isStepTrace({ method, params: [, options] }: Call): boolean {
  return traceMethods.includes(method) && !named.safeParse(options).success;
}

function blockOf({ params: [block] }: Call): string | undefined {
  return typeof block === "string" ? block : undefined;
}

function learnBlocks(plan: FaultPlan, content: string): void {
  const answers: unknown = JSON.parse(content);
  for (const answer of Array.isArray(answers) ? answers : [answers]) {
    const parsed = blockAnswer.safeParse(answer);
    if (parsed.success) plan.learn(Number(parsed.data.result.number), parsed.data.result.hash);
  }
}

/** The node's answer; its body is not read yet. */
function forward(targetUrl: string, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const target = request(targetUrl, {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    });
    target.once("response", resolve);
    target.once("error", reject);
    target.end(body);
  });
}

async function answerWrongly(wrong: {
  fault: Fault;
  trace: Call;
  body: string;
  route: Route;
  outgoing: ServerResponse;
}): Promise<void> {
  const { fault, trace, outgoing, body, route } = wrong;
  const json = { "content-type": "application/json" };
  switch (fault) {
    case "hang":
      return;
    case "tooManyRequests":
      outgoing.writeHead(429, { "retry-after": "1" }).end("too many requests");
      return;
    case "unavailable":
      outgoing.writeHead(503).end("service unavailable");
      return;
    case "garbage":
      outgoing.writeHead(200, json).end('{"jsonrpc":"2.0","id":1,"result":[{"result":{"gas":]]]');
      return;
    case "refused": {
      const error = { code: -32_000, message: "injected fault: the trace is refused" };
      outgoing.writeHead(200, json).end(JSON.stringify({ jsonrpc: "2.0", id: trace.id, error }));
      return;
    }
    case "cut": {
      const content = await text(await forward(route.targetUrl, body));
      outgoing.writeHead(200, { ...json, "content-length": Buffer.byteLength(content) });
      outgoing.write(content.slice(0, content.length / 2), () => outgoing.destroy());
      return;
    }
    case "short":
    case "empty": {
      const answer = traceAnswer.parse(
        JSON.parse(await text(await forward(route.targetUrl, body))),
      );
      (fault === "short" ? dropTail : dropAll)(answer);
      outgoing.writeHead(200, json).end(JSON.stringify(answer));
      return;
    }
  }
}

/** Takes the last tenth of the steps away from the longest trace, as a node that hit a limit does. */
function dropTail(answer: TraceAnswer): void {
  const longest = answer.result.toSorted(
    (a, b) => b.result.structLogs.length - a.result.structLogs.length,
  )[0]?.result;
  if (longest) longest.structLogs.length -= Math.ceil(longest.structLogs.length / 10);
}

function dropAll(answer: TraceAnswer): void {
  for (const { result } of answer.result) result.structLogs.length = 0;
}
