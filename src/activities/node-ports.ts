import type { BlockRef, HeadPolicy, Hex, RpcBlock, RpcReceipt } from "../domain/chain.ts";

// What activities need of a chain's nodes. Its implementation is src/rpc.

/** One execution node of a network. Every method throws NodeUnavailableError when the node does not answer. */
export interface ExecutionNode {
  /** The node's name in the configuration; never its URL. */
  readonly name: string;
  /** `web3_clientVersion`, asked once and kept. */
  clientVersion(): Promise<string>;
  chainId(): Promise<number>;
  /** The block that the policy names; null where the chain has none yet (`finalized` on a young chain). */
  head(policy: HeadPolicy, signal?: AbortSignal): Promise<BlockRef | null>;
  blockByNumber(blockNumber: number, signal?: AbortSignal): Promise<RpcBlock | null>;
  blockByHash(blockHash: Hex, signal?: AbortSignal): Promise<RpcBlock | null>;
  /** number, hash and parent hash of each number that exists, in one batch. */
  blockRefs(blockNumbers: readonly number[], signal?: AbortSignal): Promise<BlockRef[]>;
  /** `eth_getBlockReceipts` by hash. @throws {BlockFailedError} kind receipts_unavailable. */
  receipts(
    block: { blockNumber: number; blockHash: Hex },
    signal?: AbortSignal,
  ): Promise<RpcReceipt[]>;
  /** `debug_traceBlockByHash` with callTracer: the body of the answer, byte by byte. */
  traceCalls(blockHash: Hex, options: TraceOptions): AsyncIterable<Uint8Array>;
  /** `debug_traceBlockByHash` with the struct logger: the body of the answer, byte by byte. */
  traceSteps(blockHash: Hex, options: StepTraceOptions): AsyncIterable<Uint8Array>;
  /**
   * Chooses, once for both answers of an attempt, how a block is traced whose stacks nobody needs: by what this node's
   * answers have cost. Absent: without stacks.
   */
  chooseTraceWay?(block: { readonly gasUsed: number }): TraceWay;
  /** Which accounts run code when they are called, as a block left them. */
  findCode?(query: CodeQuery, signal?: AbortSignal): Promise<CodeAnswer>;
  /** Gas used of `blockCount` blocks that end at `newestBlock`; null where the node cannot say. */
  gasUsed(newestBlock: number, blockCount: number, signal?: AbortSignal): Promise<number[] | null>;
  /** Whether the node answers at all: tells a fault of a block from a fault of the node. */
  isHealthy(signal?: AbortSignal): Promise<boolean>;
}
export type CodeQuery = {
  readonly addresses: readonly string[];
  readonly blockHash: Hex;
  /** Whether an account that delegates (EIP-7702) runs the code of the other one. */
  readonly followsDelegations: boolean;
};
/** By position in the query; or, where the node is well and does not say, why not. */
export type CodeAnswer =
  | { readonly haveCode: readonly boolean[] }
  | { readonly haveCode: null; readonly why: string };
export type TraceOptions = {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** What the block used: a light one waits for less, a massive one runs alone. Absent: unknown. */
  readonly gasUsed?: number;
  /** The way that was chosen for the attempt: the node books on it what the answer cost. */
  readonly way?: TraceWay | undefined;
};
/** How one attempt traces its block; the node learns from it what its ways cost. */
export type TraceWay = {
  readonly stacks: boolean;
  /** For the node: an answer took so long. */
  readonly spent: (ms: number) => void;
  /** What was spent led to a proof. */
  readonly proved: () => void;
  /** It led to a failed block. */
  readonly failed: () => void;
  /** To be called when the attempt is over, however it ended. */
  readonly end: () => void;
};
/** `stacks`: whether each step carries the stack before it; about three times the bytes and the node's time. */
export type StepTraceOptions = TraceOptions & { readonly stacks: boolean };

/** The nodes of a network for one role; each answer comes from one of them, known by its name. */
export interface NodePool {
  /** Nodes in it, whatever their state: what "every node says so" is measured by. */
  readonly size: number;
  /** Light traces that one activity may have under way ahead, as its nodes can take them now. */
  readonly tracesAhead: number;
  /**
   * The node to ask for a block; null where none is left that serves now and is not in `tried`.
   * @param avoided - those are taken only where no other may have the block.
   * @throws {NodeUnavailableError} when none serves and none was tried.
   * @throws what forbids the use of a node (WrongChainError ...) when no other serves and none was tried.
   */
  choose(
    blockNumber: number,
    tried: ReadonlySet<string>,
    avoided?: ReadonlySet<string>,
  ): Promise<ExecutionNode | null>;
  /** A block of this node is proven. */
  proved(node: string): void;
  /** Another node has proven what this one said otherwise: it is asked less for a while. */
  contradict(
    node: string,
    fault: { readonly blockNumber: number; readonly kind: string; readonly reason: string },
  ): void;
  /**
   * Milliseconds until a node that refused for now may be asked again, a few seconds at most where another one is away;
   * null where one may be asked now.
   */
  restMs(): number | null;
  /** What the nodes that can be used, or will when they are back, have said of being asked too often. */
  conditions(): readonly NodeCondition[];
  /** Another worker was asked to leave a node alone with traces for so long: this one does so too. */
  rest(node: string, restMs: number): void;
}

/** Whether a node is asked too often, as this process has heard it. */
export type NodeCondition = {
  readonly node: string;
  /** Times that it said so (429, Retry-After) since the process started. */
  readonly refusals: number;
  /** Milliseconds for which it asks to be left alone; 0 = not at all. */
  readonly restMs: number;
};
