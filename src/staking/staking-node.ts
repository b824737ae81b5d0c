import { getHttpRpcClient } from "viem/utils";
import { z } from "zod";
import type { Hex } from "../domain/chain.ts";
import {
  type AppError,
  NodeRefusedError,
  NodeUnavailableError,
  WrongChainError,
} from "../errors.ts";
import { harmlessWords, RpcRefusal } from "./node-refusal.ts";

export type StakingNodeOptions = {
  /** Its name in the configuration, for people; never its url. */
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};
export type RpcCall = { readonly method: string; readonly params: readonly unknown[] };
type AskOptions = { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number };

/** JSON-RPC to one node that is known to serve the right chain; many calls travel in one HTTP request. */
export type StakingNode = {
  readonly name: string;
  /**
   * Answers in the order of the calls, a refused call as its refusal.
   * @throws {NodeUnavailableError} @throws {WrongChainError}
   */
  ask(calls: readonly RpcCall[], options?: AskOptions): Promise<readonly unknown[]>;
  /** Asks for the chain id once it answers. @throws {NodeUnavailableError} */
  chainId(signal?: AbortSignal): Promise<number>;
  /** Everything that is asked from now on is asked of this chain only. */
  expectChain(chainId: number): void;
};

const defaultTimeoutMs = 10_000;
const mostCallsPerRequest = 50;
/** Codes of a node that is asked too often; smaller requests would not help. */
const limitCodes: ReadonlySet<number> = new Set([429, -32_005, -32_007]);
const badRequest = 400;
const tooLarge = 413;
const answerShape = z.object({
  id: z.unknown(),
  result: z.unknown().optional(),
  error: z
    .object({ code: z.number(), message: z.string(), data: z.unknown().optional() })
    .optional(),
});
const quantity = z.string().regex(/^0x[0-9a-f]+$/i);

export function createStakingNode({ name, url, headers }: StakingNodeOptions): StakingNode {
  const http = getHttpRpcClient(url, { fetchOptions: { headers: { ...headers } } });
  let expected: number | null = null;
  let isRightChain = false;
  let callsPerRequest = mostCallsPerRequest;

  async function send(calls: readonly RpcCall[], options: AskOptions): Promise<unknown[]> {
    const { signal, timeoutMs = defaultTimeoutMs } = options;
    const body = calls.map(({ method, params }, id) => ({ id, method, params }));
    try {
      const fetchOptions = signal === undefined ? {} : { fetchOptions: { signal } };
      const answers: unknown = await http.request({ body, timeout: timeoutMs, ...fetchOptions });
      return readAnswers(answers, calls.length);
    } catch (error) {
      signal?.throwIfAborted();
      if (isTooLarge(error) && calls.length > 1) return sendInParts(calls, options);
      const method = [...new Set(calls.map((call) => call.method))].join(", ");
      throw new NodeUnavailableError({ node: name, method, reason: reasonOf(error, timeoutMs) });
    }
  }

  /** A provider's own bound is found by halving, and kept to from then on. */
  async function sendInParts(calls: readonly RpcCall[], options: AskOptions): Promise<unknown[]> {
    callsPerRequest = Math.min(callsPerRequest, Math.ceil(calls.length / 2));
    return sendAll(calls, options);
  }

  async function sendAll(calls: readonly RpcCall[], options: AskOptions): Promise<unknown[]> {
    const parts = chunk(calls, callsPerRequest).map((part) => send(part, options));
    return (await Promise.all(parts)).flat();
  }

  async function chainId(signal?: AbortSignal): Promise<number> {
    const [answer] = await send([{ method: "eth_chainId", params: [] }], { signal });
    if (answer instanceof RpcRefusal) throw refusedBy(name, "eth_chainId", answer);
    return Number(readQuantity(answer, { node: name, method: "eth_chainId" }));
  }

  return {
    name,
    chainId,
    expectChain: (id) => {
      expected = id;
    },
    ask: async (calls, options = {}) => {
      if (calls.length === 0) return [];
      if (!isRightChain && expected !== null) {
        const actual = await chainId(options.signal);
        if (actual !== expected) {
          throw new WrongChainError({ network: "staking", node: name, expected, actual });
        }
        isRightChain = true;
      }
      return sendAll(calls, options);
    },
  };
}

function chunk<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}

function readAnswers(content: unknown, count: number): unknown[] {
  const answers = z.array(answerShape).parse(content);
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  // One error for the whole request, which viem repeats for each call.
  const refusal = answers.every(({ id }) => typeof id !== "number") ? answers[0]?.error : undefined;
  if (refusal !== undefined && !limitCodes.has(refusal.code)) throw new BatchRefused();
  return Array.from({ length: count }, (_, id) => {
    const { error, result } = byId.get(id) ?? { error: refusal };
    if (error !== undefined) return new RpcRefusal(error);
    if (!byId.has(id)) throw new Error("an answer is missing");
    return result;
  });
}

/** The node takes no batch, or none so large. */
class BatchRefused extends Error {}

function isTooLarge(error: unknown): boolean {
  if (error instanceof BatchRefused) return true;
  if (!(error instanceof Error) || !("status" in error)) return false;
  return error.status === badRequest || error.status === tooLarge;
}

/** In our words: viem's messages hold url and request. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error) {
    if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
    if ("status" in error && typeof error.status === "number") return `HTTP ${error.status}`;
    const code = socketCode(error);
    if (code?.startsWith("UND_ERR") === false) return code;
    if (code !== undefined || error.name === "HttpRequestError") return "the connection closed";
  }
  return "the answer is no JSON-RPC";
}

function socketCode(error: Error): string | undefined {
  for (let fault: unknown = error; fault instanceof Error; fault = fault.cause) {
    if ("code" in fault && typeof fault.code === "string") return fault.code;
  }
  return undefined;
}

/** Whether a node refuses only because it is asked too often. */
export function isLimit({ code }: RpcRefusal): boolean {
  return limitCodes.has(code);
}

export function refusedBy(node: string, method: string, refusal: RpcRefusal): AppError {
  const reason = `${refusal.code}: ${harmlessWords(refusal.message)}`;
  return new NodeRefusedError({ node, method, reason });
}

/** @throws {NodeRefusedError} Where it is none. */
export function readQuantity(
  answer: unknown,
  { node, method }: { readonly node: string; readonly method: string },
): bigint {
  if (answer instanceof RpcRefusal) throw refusedBy(node, method, answer);
  const parsed = quantity.safeParse(answer);
  if (!parsed.success) {
    throw new NodeRefusedError({ node, method, reason: "the answer is no number" });
  }
  return BigInt(parsed.data);
}

export function toQuantity(value: number | bigint): Hex {
  return `0x${value.toString(16)}`;
}
