import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { type Fault, FaultPlan } from "./fault-plan.ts";
import { callNode, parseCalls, type RpcCall } from "./json-rpc.ts";
import { startLoopbackServer } from "./loopback-server.ts";
import { answerWrongly } from "./wrong-answers.ts";

/** Stands between us and a node, and breaks what it is told to break. */
export type FaultProxy = {
  readonly url: string;
  /** Makes the next `times` step traces of a block (number or hash) fail; default once. */
  readonly failBlock: (block: number | string, fault: Fault, times?: number) => void;
  /** Makes the next step trace of any block fail. */
  readonly failNext: (fault: Fault) => void;
  /** Takes back every fault that was not done yet. */
  readonly clear: () => void;
  /** The head seems to be so many blocks lower; 0: it is what it is. */
  readonly sinkHead: (blocks: number) => void;
  /** Runs once, after a step trace was asked for and before the node sees it. */
  readonly beforeNextTrace: (work: () => Promise<void>) => void;
  /** Faults that were really done, oldest first. */
  readonly injected: FaultPlan["injected"];
  /** true: the node is away, every connection is refused or broken. false: it is back. */
  readonly outage: (isAway: boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
};

const traceMethods = ["debug_traceBlockByHash", "debug_traceBlockByNumber"];
/** What is read here before it is handed on: it tells which hash stands at a number, and where the head is. */
const smallMethods = ["eth_getBlockByNumber", "eth_getBlockByHash", "eth_blockNumber"];
const named = z.object({ tracer: z.string() });
const numberAnswer = z.looseObject({ id: z.unknown(), result: z.string() });
const blockAnswer = z.object({ result: z.object({ number: z.string(), hash: z.string() }) });

/** Starts a proxy on loopback. What no fault concerns is streamed through as it is. */
export async function startFaultProxy(options: {
  readonly targetUrl: string;
  readonly port?: number;
}): Promise<FaultProxy> {
  const plan = new FaultPlan();
  const route: Route = { targetUrl: options.targetUrl, plan, headSinks: 0, beforeTrace: null };
  const server = await startLoopbackServer(
    (incoming, outgoing) => handle(route, incoming, outgoing),
    options.port,
  );
  return {
    url: server.url,
    failBlock: (block, fault, times) => plan.failBlock(block, fault, times),
    failNext: (fault) => plan.failNext(fault),
    clear: () => {
      plan.clear();
      route.headSinks = 0;
      route.beforeTrace = null;
    },
    sinkHead: (blocks) => {
      route.headSinks = blocks;
    },
    beforeNextTrace: (work) => {
      route.beforeTrace = work;
    },
    get injected() {
      return plan.injected;
    },
    outage: server.outage,
    stop: server.stop,
  };
}

type Route = {
  readonly targetUrl: string;
  readonly plan: FaultPlan;
  headSinks: number;
  beforeTrace: (() => Promise<void>) | null;
};

async function handle(route: Route, incoming: IncomingMessage, outgoing: ServerResponse) {
  const asked = await text(incoming);
  const body = route.headSinks > 0 ? await withLowerHead(route, asked) : asked;
  const calls = parseCalls(body);
  const trace = calls.find(isStepTrace);
  const block = trace === undefined ? undefined : blockOf(trace);
  const fault = block === undefined ? undefined : route.plan.take(block);
  const ask = (content: string) => forward(route.targetUrl, content);
  if (trace !== undefined && block !== undefined && fault !== undefined) {
    await answerWrongly({ fault, block, id: trace.id, body, ask, outgoing, plan: route.plan });
    return;
  }
  if (trace !== undefined) await runBeforeTrace(route);
  const answer = await ask(body);
  const status = answer.statusCode ?? 502;
  if (calls.some(({ method }) => smallMethods.includes(method))) {
    const told = await text(answer);
    learnBlocks(route.plan, told);
    const content = route.headSinks > 0 ? lowerNumbers(route, calls, told) : told;
    const length = { "content-length": Buffer.byteLength(content) };
    outgoing.writeHead(status, { ...answer.headers, ...length }).end(content);
    return;
  }
  outgoing.writeHead(status, answer.headers);
  await pipeline(answer, outgoing);
}

async function runBeforeTrace(route: Route): Promise<void> {
  const work = route.beforeTrace;
  route.beforeTrace = null;
  await work?.();
}

/** Asks for a block below the head where the head is asked for. */
async function withLowerHead({ targetUrl, headSinks }: Route, body: string): Promise<string> {
  if (!body.includes('"latest"')) return body;
  const head = Number(await callNode(targetUrl, "eth_blockNumber"));
  return body.replaceAll('"latest"', `"${toHex(head - headSinks)}"`);
}

/** Answers to `eth_blockNumber` that are so many blocks too low. */
function lowerNumbers({ headSinks }: Route, calls: readonly RpcCall[], content: string): string {
  const asked = calls.filter(({ method }) => method === "eth_blockNumber").map(({ id }) => id);
  const lower = (answer: unknown): unknown => {
    const parsed = numberAnswer.safeParse(answer);
    if (!parsed.success || !asked.includes(parsed.data.id)) return answer;
    return { ...parsed.data, result: toHex(Number(parsed.data.result) - headSinks) };
  };
  const answers: unknown = JSON.parse(content);
  return JSON.stringify(Array.isArray(answers) ? answers.map(lower) : lower(answers));
}

const toHex = (blockNumber: number) => `0x${Math.max(0, blockNumber).toString(16)}`;

/** A trace of steps; one with a named tracer, such as callTracer, passes. */
function isStepTrace({ method, params: [, options] }: RpcCall): boolean {
  return traceMethods.includes(method) && !named.safeParse(options).success;
}

function blockOf({ params: [block] }: RpcCall): string | undefined {
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
