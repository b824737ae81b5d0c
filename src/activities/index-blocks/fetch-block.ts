import type { BlockRef, RpcBlock, RpcReceipt } from "../../domain/chain.ts";
import { BlockFailedError } from "../../errors.ts";
import type { RootsVerdict } from "../../trace/block-roots.ts";
import type { BlockTraceInput } from "../../trace/block-trace.ts";
import { startDeadline, untilAborted } from "./abortable.ts";
import { type BlockFault, blockFaultOf } from "./block-fault.ts";
import type { Run } from "./run.ts";

const fetchDeadlineMs = 2 * 60_000;

/** A block with all that its trace is checked against. */
export type FetchedBlock = {
  readonly kind: "fetched";
  readonly ref: BlockRef;
  readonly source: BlockTraceInput;
  readonly roots: RootsVerdict;
};
export type UnfetchedBlock = {
  readonly kind: "unfetched";
  readonly blockNumber: number;
  readonly ref: BlockRef | undefined;
  readonly fault: BlockFault;
};

/**
 * Fetches header and transactions by number once, then receipts by hash, and proves that they belong together.
 * @returns `unfetched` where the block's own answers are at fault. @throws {NodeUnavailableError}
 */
export async function fetchBlock(
  run: Run,
  blockNumber: number,
): Promise<FetchedBlock | UnfetchedBlock> {
  const { node, forkAt } = run.network;
  const deadline = startDeadline(run.signal, fetchDeadlineMs);
  let ref: BlockRef | undefined;
  try {
    const block = await untilAborted(
      node.blockByNumber(blockNumber, deadline.signal),
      deadline.signal,
    );
    if (block === null) throw notFound(blockNumber);
    ref = toRef(block);
    const receipts = await fetchReceipts(run, block, deadline.signal);
    const fork = forkAt({ number: ref.number, timestamp: Number(block.timestamp) });
    const source = { block, receipts, fork, clientVersion: run.clientVersion };
    const roots = await run.engine.verifyBlockRoots(source);
    return { kind: "fetched", ref, source, roots };
  } catch (error) {
    const fault = await blockFaultOf(run, error, deadline);
    return { kind: "unfetched", blockNumber, ref, fault };
  } finally {
    deadline.dispose();
  }
}

async function fetchReceipts(
  run: Run,
  block: RpcBlock,
  signal: AbortSignal,
): Promise<readonly RpcReceipt[]> {
  if (block.transactions.length === 0) return [];
  const asked = { blockNumber: Number(block.number), blockHash: block.hash };
  return untilAborted(run.network.node.receipts(asked, signal), signal);
}

function toRef(block: RpcBlock): BlockRef {
  return { number: Number(block.number), hash: block.hash, parentHash: block.parentHash };
}

function notFound(blockNumber: number): BlockFailedError {
  const reason = "eth_getBlockByNumber answers null";
  return new BlockFailedError({ kind: "block_not_found", blockNumber, reason });
}
