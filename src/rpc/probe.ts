import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@temporalio/common";
import type { Hex } from "../domain/chain.ts";
import { DebugNamespaceMissingError, NodeUnavailableError, WrongChainError } from "../errors.ts";
import { isBlockHeader } from "./decode.ts";
import type { RawNode } from "./execution-node.ts";
import { isMethodMissing, RpcRefusal } from "./faults.ts";

/** Between two tries to reach a node that is away. */
const retryDelayMs = 2_000;

export type ProbeOptions = {
  readonly network: string;
  /** The chain id that the node must have; null = any. */
  readonly expectedChainId: number | null;
};

/** What a node said about itself and its chain. */
export type ProbedChain = {
  readonly chainId: number;
  readonly genesisHash: Hex;
  readonly clientVersion: string;
};

/**
 * Asks a node what it serves, before anything is stored from it. Reads only.
 * @throws {WrongChainError} @throws {DebugNamespaceMissingError} @throws {NodeUnavailableError}
 */
export async function probeNode(
  node: RawNode,
  { network, expectedChainId }: ProbeOptions,
  signal?: AbortSignal,
): Promise<ProbedChain> {
  const chainId = await node.chainId();
  if (expectedChainId !== null && chainId !== expectedChainId) {
    throw new WrongChainError({
      network,
      node: node.name,
      expected: expectedChainId,
      actual: chainId,
    });
  }
  const genesis = await node.calls.demand("eth_getBlockByNumber", ["0x0", false], { signal });
  if (!isBlockHeader(genesis)) throw node.calls.malformed("eth_getBlockByNumber");
  const clientVersion = await node.clientVersion();
  await checkDebugNamespace(node, clientVersion, signal);
  return { chainId, genesisHash: genesis.hash, clientVersion };
}

/** No node has a block of hash 1: one with the debug namespace says so, one without says that it knows no such method. */
async function checkDebugNamespace(
  node: RawNode,
  clientVersion: string,
  signal?: AbortSignal,
): Promise<void> {
  const call = { method: "debug_traceBlockByHash", params: [`0x${"1".padStart(64, "0")}`, {}] };
  try {
    await node.calls.ask(call, { signal });
  } catch (error) {
    if (!(error instanceof RpcRefusal)) throw error;
    if (!isMethodMissing(error)) return;
    throw new DebugNamespaceMissingError({ node: node.name, clientVersion });
  }
}

/** Repeats `ask` while the node does not answer, and says what it waits for. */
export async function waitForNode<Answer>(
  ask: () => Promise<Answer>,
  { logger, network, signal }: { logger: Logger; network: string; signal: AbortSignal },
): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NodeUnavailableError)) throw error;
      logger.warn("Waiting for the execution node", { network, error, retryInMs: retryDelayMs });
      await sleep(retryDelayMs, undefined, { signal });
    }
  }
}
