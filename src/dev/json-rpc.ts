import { z } from "zod";

const answer = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
});
const rpcCall = z.object({
  id: z.unknown(),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
});
/** A call as a node gets it. */
export type RpcCall = z.infer<typeof rpcCall>;

type Call = { readonly method: string; readonly params?: readonly unknown[] };

/** Asks our own chain one thing. @throws {Error} With the node's words when it refuses. */
export async function callNode(
  url: string,
  method: string,
  params: readonly unknown[] = [],
): Promise<unknown> {
  const [result] = await callNodeBatch(url, [{ method, params }]);
  return result;
}

/** Asks our own chain many things in one request; the node takes them in order. */
export async function callNodeBatch(url: string, calls: readonly Call[]): Promise<unknown[]> {
  if (calls.length === 0) return []; // an empty batch is no JSON-RPC
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(
      calls.map(({ method, params = [] }, id) => ({ jsonrpc: "2.0", id, method, params })),
    ),
  });
  const answers = z.array(answer).parse(await response.json());
  const results = new Map(answers.map(({ id, ...rest }) => [id, rest]));
  return calls.map(({ method }, id) => {
    const { error, result } = results.get(id) ?? {};
    if (error) throw new Error(`${method}: ${error.message} (${error.code})`);
    return result;
  });
}

/** The calls of a request's body, single or batch; what is none of them is left to the node. */
export function parseCalls(body: string): RpcCall[] {
  try {
    const content: unknown = JSON.parse(body);
    return (Array.isArray(content) ? content : [content]).flatMap((one) => {
      const parsed = rpcCall.safeParse(one);
      return parsed.success ? [parsed.data] : [];
    });
  } catch {
    return []; // no JSON-RPC: the node may say so
  }
}
