import type { ExecutionNode } from "../activities/ports.ts";
import type { NetworkConfig } from "../config/load-config.ts";

/** The nodes of a network in the order of the configuration; nothing is sent to them yet. */
export async function openNodes(
  { nodes }: Pick<NetworkConfig, "nodes">,
  limits: { readonly traceTimeoutMs: number },
): Promise<ExecutionNode[]> {
  const { createExecutionNode } = await import("../rpc/execution-node.ts");
  const { toEndpoint } = await import("../rpc/endpoint.ts");
  return nodes.map((node) => createExecutionNode(toEndpoint(node), limits));
}

/** The first node that answers says; where none does, the last one's error is thrown. */
export async function askNodes<Answer>(
  nodes: readonly ExecutionNode[],
  ask: (node: ExecutionNode) => Promise<Answer>,
): Promise<Answer> {
  let lastError: unknown;
  for (const node of nodes) {
    try {
      return await ask(node);
    } catch (error) {
      lastError = error;
    }
  }
  throw lastError;
}
