import { isMethodMissing, isRateLimit, type RpcRefusal } from "./faults.ts";

/** How far back a node has state: blocks behind its head, or all; null = it did not say. */
export type ArchiveDepth = number | "all" | null;

/** geth keeps 128 states, erigon and reth about 10,000 blocks of history in their pruned modes. */
const depths = [1_000_000, 10_000, 128];

export type ProbedState = {
  readonly depth: ArchiveDepth;
  /** The highest block whose state was asked for and is not there; null = none. */
  readonly noStateUpTo: number | null;
};

/** Whether the state of a block is there, or the node's word on why not. */
export type AskState = (blockNumber: number) => Promise<"there" | RpcRefusal>;

const unknown: ProbedState = { depth: null, noStateUpTo: null };

/**
 * Asks for the state of a few blocks, five at the most: of the head, of block 1, then of depths in between from the
 * deepest on, until one is there. @throws whatever `ask` throws.
 */
export async function probeArchiveDepth(head: number, ask: AskState): Promise<ProbedState> {
  // Who cannot answer for its head says nothing about other blocks.
  if ((await ask(head)) !== "there") return unknown;
  if (head <= 1) return { depth: "all", noStateUpTo: null };
  const first = await ask(1);
  if (first === "there") return { depth: "all", noStateUpTo: null };
  if (saysNothing(first)) return unknown;
  let noStateUpTo = 1;
  for (const depth of depths) {
    if (head - depth <= 1) continue;
    const answer = await ask(head - depth);
    if (answer === "there") return { depth, noStateUpTo };
    if (saysNothing(answer)) return { depth: null, noStateUpTo };
    noStateUpTo = head - depth;
  }
  return { depth: 0, noStateUpTo };
}

function saysNothing(refusal: RpcRefusal): boolean {
  return isMethodMissing(refusal) || isRateLimit(refusal);
}
