import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionNode } from "../activities/ports.ts";
import type { BlockRef, HeadPolicy } from "../domain/chain.ts";
import { leadingNode } from "../domain/node-order.ts";
import { NodeUnavailableError } from "../errors.ts";
import type { RpcNodePool } from "./node-pool.ts";
import type { PooledNode } from "./pooled-node.ts";

/** The others get so long after the first answer: a head that is late is not the highest for long. */
const graceMs = 250;

/**
 * Speaks to the nodes of a pool as to one: small calls go to the node that leads, and to the next where it fails. The
 * head is the highest that a node shows which serves, and does not go back because the node that showed it is away.
 */
export function createPoolNode(pool: RpcNodePool): ExecutionNode {
  let highest: { readonly ref: BlockRef; readonly name: string } | null = null;

  async function onOne<Answer>(ask: (node: ExecutionNode) => Promise<Answer>): Promise<Answer> {
    if (pool.serving.length === 0) await pool.revive();
    const leader = pool.leader;
    const nodes = [...new Set([...(leader ? [leader] : []), ...pool.serving])];
    let outage: NodeUnavailableError | undefined;
    for (const node of restingLast(nodes)) {
      try {
        return await ask(pool.view(node));
      } catch (error) {
        if (!(error instanceof NodeUnavailableError)) throw error;
        outage ??= error;
      }
    }
    throw outage ?? pool.unavailable();
  }

  async function latest(signal?: AbortSignal): Promise<BlockRef | null> {
    let heads = await askHeads(pool, pool.serving, signal);
    if (heads.length === 0) heads = await askHeads(pool, await pool.revive(), signal);
    if (heads.length === 0) throw pool.unavailable();
    const known = heads.flatMap(({ pooled, ref }) => (ref ? [{ pooled, ref }] : []));
    const name = leadingNode(
      known.map(({ pooled, ref }) => ({ name: pooled.name, head: ref.number })),
      pool.leader?.name,
    );
    const best = known.find(({ pooled }) => pooled.name === name);
    if (best === undefined) return null;
    pool.lead(best.pooled);
    const isSilent = highest !== null && !heads.some(({ pooled }) => pooled.name === highest?.name);
    // Who is behind knows nothing of what the silent one showed; who has a head of that height does.
    if (highest !== null && isSilent && highest.ref.number > best.ref.number) return highest.ref;
    highest = { ref: best.ref, name: best.pooled.name };
    return best.ref;
  }

  return {
    name: pool.name,
    clientVersion: () => onOne((node) => node.clientVersion()),
    chainId: () => onOne((node) => node.chainId()),
    head: (policy: HeadPolicy, signal) =>
      policy === "latest" ? latest(signal) : onOne((node) => node.head(policy, signal)),
    blockByNumber: (blockNumber, signal) =>
      onOne((node) => node.blockByNumber(blockNumber, signal)),
    blockByHash: (blockHash, signal) => onOne((node) => node.blockByHash(blockHash, signal)),
    blockRefs: (blockNumbers, signal) => onOne((node) => node.blockRefs(blockNumbers, signal)),
    receipts: (block, signal) => onOne((node) => node.receipts(block, signal)),
    gasUsed: (newest, count, signal) => onOne((node) => node.gasUsed(newest, count, signal)),
    // A trace is never split between nodes: whoever wants one chooses its node (NodePool).
    traceCalls: (blockHash, options) => leaderOf(pool).traceCalls(blockHash, options),
    traceSteps: (blockHash, options) => leaderOf(pool).traceSteps(blockHash, options),
    async isHealthy(signal) {
      for (const node of restingLast(pool.serving)) {
        if (await pool.view(node).isHealthy(signal)) return true;
      }
      return false;
    },
  };
}

function leaderOf(pool: RpcNodePool): ExecutionNode {
  const leader = pool.leader;
  if (leader === undefined) throw pool.unavailable();
  return pool.view(leader);
}

/** Who asks to be left alone is asked only where nobody else answers. */
function restingLast(nodes: readonly PooledNode[]): PooledNode[] {
  return nodes.toSorted((a, b) => Number(a.isResting) - Number(b.isResting));
}

type Head = { readonly pooled: PooledNode; readonly ref: BlockRef | null };

/** The heads of those that answer, until all did or the first one did and the time of grace is over. */
async function askHeads(
  pool: RpcNodePool,
  nodes: readonly PooledNode[],
  signal?: AbortSignal,
): Promise<Head[]> {
  const heads: Head[] = [];
  const awake = nodes.filter(({ isResting }) => !isResting);
  const asking = (awake.length > 0 ? awake : nodes).map(async (pooled) => {
    const ref = await pool.view(pooled).head("latest", signal);
    pooled.saw(ref?.number ?? 0);
    heads.push({ pooled, ref });
  });
  // Who is away is seen by what does not stand in the list.
  const all = Promise.allSettled(asking);
  const answered = Promise.any(asking).catch(() => all);
  const late = new AbortController();
  const grace = answered.then(() => sleep(graceMs, undefined, { signal: late.signal }));
  await Promise.race([all, grace.catch(() => all)]);
  late.abort();
  signal?.throwIfAborted();
  return [...heads];
}
