import {
  BlockFailedError,
  DebugNamespaceMissingError,
  StepsTracingMissingError,
} from "../errors.ts";
import { StreamFailed } from "./byte-stream.ts";
import { type CodeRun, findCodeRuns } from "./code-run.ts";
import { toHex } from "./decode.ts";
import type { RawNode } from "./execution-node.ts";
import { RpcRefusal } from "./faults.ts";
import { callTracer, structLogger } from "./traces.ts";

/** Where a call that ran code is looked for: a chain in use has one in every block. */
const blocksToSearch = 64;
const traceTimeoutMs = 60_000;

/** `undecided`: no transaction has run code lately, so the next call looks at the blocks that came meanwhile. */
export type StepsCheck = (signal?: AbortSignal) => Promise<"steps" | "undecided">;

/**
 * Creates the check whether a node's traces hold steps: anvil without --steps-tracing answers empty ones as success, and
 * its debug_traceCall shows steps all the same, so only the trace of a mined transaction tells (measured, anvil 1.7.1).
 * The same transaction tells whether the node knows the callTracer: old clients answer steps in its place.
 * The check throws StepsTracingMissingError or DebugNamespaceMissingError, and asks nothing more once both were seen.
 */
export function createStepsCheck(node: RawNode): StepsCheck {
  let isDecided = false;
  let searchedTo = 0;

  return async function checkSteps(signal) {
    if (isDecided) return "steps";
    const head = (await node.head("latest", signal))?.number ?? 0;
    const hasSteps = await findFirstStep(
      node,
      { head, above: Math.max(searchedTo, head - blocksToSearch) },
      signal,
    );
    searchedTo = head;
    if (hasSteps === undefined) return "undecided";
    if (!hasSteps) {
      searchedTo = 0; // until somebody restarts the node with steps, every look must find the same
      const clientVersion = await node.clientVersion();
      throw new StepsTracingMissingError({ node: node.name, clientVersion });
    }
    isDecided = true;
    return "steps";
  };
}

type SearchedBlocks = { readonly head: number; readonly above: number };

async function findFirstStep(
  node: RawNode,
  blocks: SearchedBlocks,
  signal?: AbortSignal,
): Promise<boolean | undefined> {
  try {
    const run = await findCodeRun(node, blocks, signal);
    if (run === undefined) return undefined;
    const hasStep = await readFirstStep(node, run, signal);
    if (hasStep === true) await checkCallTracer(node, run, signal);
    return hasStep;
  } catch (error) {
    // One transaction that cannot be traced says nothing about steps; its block will say why when it is indexed. Nor
    // does a node that has no word on code (eth_getCode).
    const isSilent = error instanceof StreamFailed || error instanceof RpcRefusal;
    if (isSilent || error instanceof BlockFailedError) return undefined;
    throw error;
  }
}

async function findCodeRun(
  node: RawNode,
  { head, above }: SearchedBlocks,
  signal?: AbortSignal,
): Promise<CodeRun | undefined> {
  for (let blockNumber = head; blockNumber > above; blockNumber--) {
    const block = await node.blockByNumber(blockNumber, signal);
    if (!block || block.transactions.length === 0) continue;
    const receipts = await node.receipts({ blockNumber, blockHash: block.hash }, signal);
    for (const run of findCodeRuns(block, receipts).slice(0, 3)) {
      const call = { method: "eth_getCode", params: [run.to, toHex(blockNumber)] };
      if (isContract(await node.calls.ask(call, { signal }))) return run;
    }
  }
  return undefined;
}

/** A delegation (EIP-7702) may point at nothing. */
function isContract(code: unknown): boolean {
  return typeof code === "string" && code.length > 2 && !code.startsWith("0xef01");
}

/** @throws {DebugNamespaceMissingError} */
async function checkCallTracer(
  node: RawNode,
  { transactionHash }: CodeRun,
  signal?: AbortSignal,
): Promise<void> {
  const call = { method: "debug_traceTransaction", params: [transactionHash, callTracer] };
  const answer = await node.calls.ask(call, { signal }).catch((error: unknown) => {
    if (!(error instanceof RpcRefusal)) throw error;
    return error;
  });
  const isCallTree = typeof answer === "object" && answer !== null && "from" in answer;
  // A refusal says only something of this transaction where it names no tracer.
  const isRefusal = answer instanceof RpcRefusal && !/tracer/i.test(answer.message);
  if (isCallTree || isRefusal) return;
  const clientVersion = await node.clientVersion();
  throw new DebugNamespaceMissingError({ node: node.name, clientVersion, missing: "callTracer" });
}

/** Reads the trace only up to its first step; undefined if the node has no trace of this transaction. */
async function readFirstStep(
  node: RawNode,
  { transactionHash }: CodeRun,
  signal?: AbortSignal,
): Promise<boolean | undefined> {
  const params = [transactionHash, { ...structLogger, timeout: `${traceTimeoutMs / 1000}s` }];
  const call = { method: "debug_traceTransaction", params };
  let seen = "";
  for await (const part of node.stream(call, { timeoutMs: traceTimeoutMs, signal })) {
    seen += Buffer.from(part).toString("latin1");
    const [, first] = /"structLogs"\s*:\s*\[\s*(.)/.exec(seen) ?? [];
    if (first !== undefined) return first === "{";
    // The key may be cut by the end of a part.
    seen = seen.slice(-32);
  }
  return undefined;
}
