/** What is known of a node that may serve. */
export type NodeFacts = {
  readonly name: string;
  /** Its highest block when last heard; null = not asked yet. */
  readonly head: number | null;
  /** The highest block whose state it was found not to have; null = none yet. */
  readonly noStateUpTo: number | null;
  /** Share of its traces in use, 0 to 1 and above: from 1 on others come first. */
  readonly load: number;
  /** Grows with every block that it is given, the less the more it can take: the lowest is next. */
  readonly turn: number;
  /** It asked to be left alone until then (Retry-After); in milliseconds. */
  readonly restsUntilMs: number;
};

/** A block near the head is asked of the node that said the head, so that all answers are of one branch. */
const nearHeadBlocks = 32;

/**
 * Nodes in the order in which they are to be asked for a block. Those known not to have it come last: what is known may
 * be old. Ties fall to the configured order.
 * @param leader - the node that the head was taken from; undefined where none was.
 */
export function orderNodes<Node extends NodeFacts>(
  nodes: readonly Node[],
  {
    blockNumber,
    leader,
    nowMs,
  }: {
    readonly blockNumber: number | null;
    readonly leader: string | undefined;
    readonly nowMs: number;
  },
): Node[] {
  const leaderHead = nodes.find(({ name }) => name === leader)?.head ?? null;
  const isNearHead =
    blockNumber === null || (leaderHead !== null && blockNumber > leaderHead - nearHeadBlocks);
  const rank = (node: Node): readonly number[] => [
    hasBlock(node, blockNumber) ? 0 : 1,
    node.restsUntilMs > nowMs ? 1 : 0,
    isNearHead && node.name === leader ? 0 : 1,
    node.load >= 1 ? node.load : 0,
    node.turn,
  ];
  return nodes
    .map((node, position) => ({ node, key: [...rank(node), position] }))
    .toSorted((a, b) => compare(a.key, b.key))
    .map(({ node }) => node);
}

/** Whether a node may have a block and its state, as far as is known. */
export function hasBlock(
  { head, noStateUpTo }: Pick<NodeFacts, "head" | "noStateUpTo">,
  blockNumber: number | null,
): boolean {
  if (blockNumber === null) return true;
  return (
    (head === null || head >= blockNumber) && (noStateUpTo === null || noStateUpTo < blockNumber)
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}

export type KnownHead = { readonly name: string; readonly head: number };

/**
 * The node whose head is the chain's: the highest; of equals the one that led before, so that two branches of one
 * height do not take turns.
 */
export function leadingNode(
  heads: readonly KnownHead[],
  before: string | undefined,
): string | undefined {
  const highest = Math.max(...heads.map(({ head }) => head));
  const best = heads.filter(({ head }) => head === highest);
  return best.find(({ name }) => name === before)?.name ?? best[0]?.name;
}
