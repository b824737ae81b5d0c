import type { BlockRef, RpcBlock, RpcReceipt } from "../../domain/chain.ts";
import { BlockFailedError, NodeUnavailableError } from "../../errors.ts";
import type { RootsVerdict } from "../../trace/block-roots.ts";
import type { BlockTraceInput } from "../../trace/block-trace.ts";
import type { ExecutionNode } from "../ports.ts";
import { startDeadline, untilAborted } from "./abortable.ts";
import { type BlockFault, blockFaultOf } from "./block-fault.ts";
import { restIfAsked } from "./on-nodes.ts";
import type { Provenance } from "./outcome.ts";
import type { Run } from "./run.ts";

const fetchDeadlineMs = 2 * 60_000;

/** A block with all that its trace is checked against; all of it, and its trace, are one node's word. */
export type FetchedBlock = {
  readonly kind: "fetched";
  readonly ref: BlockRef;
  readonly source: BlockTraceInput;
  readonly roots: RootsVerdict;
  readonly node: ExecutionNode;
  /** What nodes that were asked before have at fault; absent: none was. */
  readonly others?: readonly UnfetchedBlock[];
};
export type UnfetchedBlock = {
  readonly kind: "unfetched";
  readonly blockNumber: number;
  readonly ref: BlockRef | undefined;
  readonly fault: BlockFault;
  /** Whose answers are at fault; absent: no node was asked. */
  readonly provenance?: Provenance;
  /** What the other nodes have at fault. */
  readonly others?: readonly UnfetchedBlock[];
};

/**
 * Fetches header and transactions by number once, then receipts by hash, and proves that they belong together. All are
 * one node's; where it fails or contradicts itself they are fetched anew from another.
 * @returns `unfetched` where every node that serves has the block's answers at fault. @throws {NodeUnavailableError}
 */
export async function fetchBlock(
  run: Run,
  blockNumber: number,
): Promise<FetchedBlock | UnfetchedBlock> {
  const tried = new Set<string>();
  const unfetched: UnfetchedBlock[] = [];
  let outage: NodeUnavailableError | undefined;
  for (let rests = 0; ; ) {
    const node = await run.nodes.choose(blockNumber, tried);
    if (node === null) {
      const faulty = unfetched.filter((one) => !isNotFound(one));
      const fault = faulty.at(-1) ?? unfetched[0];
      // A node that lags has not found it either; the one that is away may have it.
      if (fault && !(outage && isNotFound(fault))) return { ...fault, others: faulty.slice(0, -1) };
      if (!(await restIfAsked(run, rests))) throw outage;
      rests += 1;
      tried.clear();
      continue;
    }
    tried.add(node.name);
    try {
      const ask = (signal: AbortSignal) => node.blockByNumber(blockNumber, signal);
      const block = await fetchFrom(run, { node, blockNumber, ask });
      if (block.kind === "fetched") {
        return { ...block, others: unfetched.filter((one) => !isNotFound(one)) };
      }
      unfetched.push(block);
    } catch (error) {
      if (!(error instanceof NodeUnavailableError)) throw error;
      outage = error;
    }
  }
}

/**
 * Fetches the same block, by its hash, from a node that was not tried yet.
 * @returns null where none is left that has it.
 */
export async function fetchAgain(
  run: Run,
  ref: BlockRef,
  tried: Set<string>,
): Promise<FetchedBlock | null> {
  for (;;) {
    const node = await run.nodes.choose(ref.number, tried);
    if (node === null) return null;
    tried.add(node.name);
    try {
      const ask = (signal: AbortSignal) => node.blockByHash(ref.hash, signal);
      const block = await fetchFrom(run, { node, blockNumber: ref.number, ask });
      if (block.kind === "fetched") return block;
    } catch (error) {
      if (!(error instanceof NodeUnavailableError)) throw error;
    }
  }
}

type Fetching = {
  readonly node: ExecutionNode;
  readonly blockNumber: number;
  readonly ask: (signal: AbortSignal) => Promise<RpcBlock | null>;
};

/** Fetches a block from one node, and proves that its parts belong together. @throws {NodeUnavailableError} */
export async function fetchFrom(
  run: Pick<Run, "network" | "engine" | "signal">,
  { node, blockNumber, ask }: Fetching,
): Promise<FetchedBlock | UnfetchedBlock> {
  const deadline = startDeadline(run.signal, fetchDeadlineMs);
  let ref: BlockRef | undefined;
  let clientVersion = "";
  try {
    clientVersion = await untilAborted(node.clientVersion(), deadline.signal);
    const block = await untilAborted(ask(deadline.signal), deadline.signal);
    if (block === null) throw notFound(blockNumber);
    ref = toRef(block);
    const receipts = await fetchReceipts(node, block, deadline.signal);
    const fork = run.network.forkAt({ number: ref.number, timestamp: Number(block.timestamp) });
    const source = { block, receipts, fork, clientVersion };
    const roots = await run.engine.verifyBlockRoots(source);
    return { kind: "fetched", ref, source, roots, node };
  } catch (error) {
    const fault = await blockFaultOf(run, error, { deadline, node });
    const provenance = { node: node.name, clientVersion };
    return { kind: "unfetched", blockNumber, ref, fault, provenance };
  } finally {
    deadline.dispose();
  }
}

async function fetchReceipts(
  node: ExecutionNode,
  block: RpcBlock,
  signal: AbortSignal,
): Promise<readonly RpcReceipt[]> {
  if (block.transactions.length === 0) return [];
  const asked = { blockNumber: Number(block.number), blockHash: block.hash };
  return untilAborted(node.receipts(asked, signal), signal);
}

function isNotFound({ fault }: UnfetchedBlock): boolean {
  return fault.kind === "block_not_found";
}

function toRef(block: RpcBlock): BlockRef {
  return { number: Number(block.number), hash: block.hash, parentHash: block.parentHash };
}

function notFound(blockNumber: number): BlockFailedError {
  const reason = "eth_getBlockByNumber answers null";
  return new BlockFailedError({ kind: "block_not_found", blockNumber, reason });
}
