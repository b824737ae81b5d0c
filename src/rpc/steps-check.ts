import { BlockFailedError, StepsTracingMissingError } from "../errors.ts";
import { StreamFailed } from "./byte-stream.ts";
import { type CodeRun, findCodeRuns } from "./code-run.ts";
import { toHex } from "./decode.ts";
import type { RawNode } from "./execution-node.ts";
import { structLogger } from "./traces.ts";

/** Where a call that ran code is looked for: a chain in use has one in every block. */
const blocksToSearch = 64;
const traceTimeoutMs = 60_000;

/**
 * Whether a node's traces hold steps: anvil without --steps-tracing answers empty ones as success, and its
 * debug_traceCall shows steps all the same, so only the trace of a mined transaction tells (measured, anvil 1.7.1).
 * `undecided` on a chain where no transaction has run code lately.
 * @throws {StepsTracingMissingError}
 */
export async function checkSteps(
  node: RawNode,
  signal?: AbortSignal,
): Promise<"steps" | "undecided"> {
  const hasSteps = await findFirstStep(node, signal);
  if (hasSteps === undefined) return "undecided";
  if (hasSteps) return "steps";
  throw new StepsTracingMissingError({
    node: node.name,
    clientVersion: await node.clientVersion(),
  });
}

async function findFirstStep(node: RawNode, signal?: AbortSignal): Promise<boolean | undefined> {
  try {
    const run = await findRecentCodeRun(node, signal);
    return run && (await readFirstStep(node, run, signal));
  } catch (error) {
    // One transaction that cannot be traced says nothing about steps; its block will say why when it is indexed.
    if (error instanceof StreamFailed || error instanceof BlockFailedError) return undefined;
    throw error;
  }
}

async function findRecentCodeRun(
  node: RawNode,
  signal?: AbortSignal,
): Promise<CodeRun | undefined> {
  const head = await node.head("latest", signal);
  const newest = head?.number ?? 0;
  for (
    let blockNumber = newest;
    blockNumber > Math.max(0, newest - blocksToSearch);
    blockNumber--
  ) {
    const block = await node.blockByNumber(blockNumber, signal);
    if (!block || block.transactions.length === 0) continue;
    const receipts = await node.receipts({ blockNumber, blockHash: block.hash }, signal);
    for (const run of findCodeRuns(block, receipts).slice(0, 3)) {
      const params = [run.to, toHex(blockNumber)];
      if (isContract(await node.calls.demand("eth_getCode", params, { signal }))) return run;
    }
  }
  return undefined;
}

/** A delegation (EIP-7702) may point at nothing. */
function isContract(code: unknown): boolean {
  return typeof code === "string" && code.length > 2 && !code.startsWith("0xef01");
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
