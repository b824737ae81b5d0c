import { traceAhead } from "../../domain/trace-limit.ts";
import type { ExecutionNode, NodePool } from "../ports.ts";
import { pause } from "./abortable.ts";
import type { Run } from "./run.ts";

/** A longer rest is the workflow's to wait for: it tells other workers of it, and holds no slot. */
const longestRestMs = 5_000;
/** Where the workflow knows nothing of rests; for a longer one the activity is tried again later. */
const longestRestAloneMs = 30_000;
const mostRests = 3;

/** The pool of a network that knows one node. */
export function onlyNode(node: ExecutionNode): NodePool {
  return {
    size: 1,
    tracesAhead: traceAhead,
    choose: async (_, tried) => (tried.has(node.name) ? null : node),
    proved: () => {},
    contradict: () => {},
    restMs: () => null,
    conditions: () => [],
    rest: () => {},
  };
}

/**
 * Waits where every node asks to be left alone for a moment (429, Retry-After).
 * @returns false where none does, or for too long, or again and again.
 */
export async function restIfAsked(run: Run, rests: number): Promise<boolean> {
  const restMs = run.nodes.restMs();
  const longestMs = run.nodes.isHeededByWorkflow ? longestRestMs : longestRestAloneMs;
  if (restMs === null || restMs > longestMs || rests >= mostRests) return false;
  run.heart.tellNodes(run.nodes.report());
  run.heart.waitFor(`a node that asks to be left alone for ${Math.ceil(restMs / 1000)} s`);
  await pause(restMs, run.signal);
  return true;
}
