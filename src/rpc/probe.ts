import type { Hex } from "../domain/chain.ts";
import { DebugNamespaceMissingError, WrongChainError } from "../errors.ts";
import { isBlockHeader } from "./decode.ts";
import type { RawNode } from "./execution-node.ts";
import { isMethodMissing, RpcRefusal } from "./faults.ts";

export type ProbeOptions = {
  readonly network: string;
  /** The chain id that the node must have; null = any. */
  readonly expectedChainId: number | null;
  /** The genesis block that it must have: that of the network's other nodes; absent = any. */
  readonly expectedGenesis?: Hex | undefined;
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
  { network, expectedChainId, expectedGenesis }: ProbeOptions,
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
  if (expectedGenesis !== undefined && genesis.hash !== expectedGenesis) {
    throw new WrongChainError({
      network,
      node: node.name,
      what: "genesis hash",
      expected: expectedGenesis,
      actual: genesis.hash,
    });
  }
  const clientVersion = await node.askClientVersion();
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
