import { NodeUnavailableError } from "../errors.ts";
import type { RawNode } from "./execution-node.ts";
import { type ProbedChain, type ProbeOptions, probeNode } from "./probe.ts";
import { createStepsCheck } from "./steps-check.ts";

/** A node that may be used now, and the chain it serves. */
export type ChosenNode = { readonly node: RawNode; readonly chain: ProbedChain };

/**
 * Creates the choice of a node: the first, in the configured order, that answers. A node is probed before its first use,
 * and asked for steps until a transaction has shown them.
 */
export function createNodeChoice(nodes: readonly RawNode[], options: ProbeOptions) {
  const chains = new Map<RawNode, ProbedChain>();
  const stepsChecks = new Map(nodes.map((node) => [node, createStepsCheck(node)]));

  async function admit(node: RawNode, signal?: AbortSignal): Promise<ChosenNode | undefined> {
    const known = chains.get(node);
    if (known && !(await node.isHealthy(signal))) return undefined;
    const chain = known ?? (await probeNode(node, options, signal));
    chains.set(node, chain);
    await stepsChecks.get(node)?.(signal);
    return { node, chain };
  }

  /**
   * @throws {NodeUnavailableError} when none answers. @throws {WrongChainError} @throws {DebugNamespaceMissingError}
   * @throws {StepsTracingMissingError} when one answers that must not be used.
   */
  return async function chooseNode(signal?: AbortSignal): Promise<ChosenNode> {
    let fault: NodeUnavailableError | undefined;
    for (const node of nodes) {
      try {
        const chosen = await admit(node, signal);
        if (chosen) return chosen;
      } catch (error) {
        if (!(error instanceof NodeUnavailableError)) throw error;
        fault ??= error;
      }
    }
    throw (
      fault ??
      new NodeUnavailableError({
        node: nodes.map(({ name }) => name).join(", "),
        method: "eth_blockNumber",
        reason: "no answer",
      })
    );
  };
}
