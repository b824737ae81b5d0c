import type { StakingChain } from "../activities/staking/ports.ts";
import type { Hex } from "../domain/chain.ts";
import type { CheckVerdict, StakeCall } from "../domain/staking/stake-call.ts";
import { NodeUnavailableError, WrongChainError } from "../errors.ts";
import { readAccountView, readHeadNumber } from "./account-view.ts";
import { broadcastAll, missingFrom } from "./broadcast.ts";
import { lookAtCalls, refuseSignature } from "./check-calls.ts";
import { type ContractParts, readContractParts } from "./contract-parts.ts";
import { lowerCase } from "./hex.ts";
import { leftBlocks, readReceiptViews } from "./receipts.ts";
import { createStakingNode, type StakingNode, type StakingNodeOptions } from "./staking-node.ts";
import { createStakingNodes } from "./staking-nodes.ts";

export type StakingChainOptions = {
  readonly nodes: readonly StakingNodeOptions[];
  /** The staking proxy. */
  readonly contractAddress: Hex;
  /** null: whatever chain the nodes serve, as long as it is one. */
  readonly chainId: number | null;
  /** Blocks on top of one that make it final; null: the nodes' `finalized`. */
  readonly confirmations: number | null;
};

/**
 * Opens the chain of the staking contract: its nodes serve one chain, the one that is meant, and the contract is there
 * and signs for it. Nodes that are away are looked at when they come.
 * @throws {WrongChainError} @throws {StakingContractError} @throws {NodeUnavailableError} When no node answers.
 */
export async function openStakingChain(options: StakingChainOptions): Promise<StakingChain> {
  const each = options.nodes.map(createStakingNode);
  const chainId = await agreeOnChain(each, options.chainId);
  const nodes = createStakingNodes(each);
  const contractAddress = lowerCase(options.contractAddress);
  const { confirmations } = options;
  const readParts = (signal?: AbortSignal) =>
    readContractParts(nodes, { address: contractAddress, chainId }, signal);
  let parts = await readParts();

  /** A helper that was changed since we looked makes good signatures look bad, so it is read again before a refusal. */
  async function refuseSignatures(calls: readonly StakeCall[], signal?: AbortSignal) {
    const refuse = (known: ContractParts) =>
      Promise.all(calls.map((call) => refuseSignature(call, { chainId, parts: known })));
    const refusals = await refuse(parts);
    if (refusals.every((refusal) => refusal === null)) return refusals;
    const fresh = await readParts(signal);
    if (fresh.messageHelper === parts.messageHelper) return refusals;
    parts = fresh;
    return refuse(fresh);
  }

  return {
    chainId,
    contractAddress,
    checkCalls: async (calls, sender, signal) => {
      const refusals = await refuseSignatures(calls, signal);
      const open = calls.filter((_, at) => refusals[at] === null);
      const context = { chainId, contractAddress, parts, confirmations, sender };
      const looks =
        open.length === 0
          ? []
          : await nodes.onBest((node) => lookAtCalls(node, open, context, signal), signal);
      const verdicts = looks.values();
      return refusals.map((refusal) => refusal ?? nextOf(verdicts));
    },
    account: (address, signal) => readAccountView(nodes, { address, confirmations }, signal),
    headNumber: (signal) => readHeadNumber(nodes, signal),
    reorgedBlocks: async (blocks, signal) =>
      blocks.length === 0 ? [] : nodes.onBest((node) => leftBlocks(node, blocks, signal), signal),
    missing: (hashes) => missingFrom(nodes, hashes),
    broadcast: (transactions, sender) => broadcastAll(nodes, transactions, sender),
    receipts: (items, signal) =>
      readReceiptViews(nodes, items, { chainId, contractAddress, parts, confirmations }, signal),
  };
}

function nextOf(verdicts: Iterator<CheckVerdict>): CheckVerdict {
  const next = verdicts.next();
  if (next.done === true) throw new RangeError("fewer verdicts than requests");
  return next.value;
}

/** Every node that answers must say the same; the others are held to it when they answer. */
async function agreeOnChain(
  nodes: readonly StakingNode[],
  configured: number | null,
): Promise<number> {
  const asked = await Promise.allSettled(nodes.map((node) => node.chainId()));
  const answers = asked.flatMap((answer, at) => {
    const node = nodes[at]?.name ?? "";
    return answer.status === "fulfilled" ? [{ node, actual: answer.value }] : [];
  });
  const [first] = answers;
  if (first === undefined) throw faultOf(asked);
  const expected = configured ?? first.actual;
  const wrong = answers.find(({ actual }) => actual !== expected);
  if (wrong !== undefined) {
    const like = configured === null ? { like: first.node } : {};
    throw new WrongChainError({ network: "staking", ...wrong, expected, ...like });
  }
  for (const node of nodes) node.expectChain(expected);
  return expected;
}

function faultOf(asked: readonly PromiseSettledResult<number>[]): unknown {
  const fault: unknown = asked.find((answer) => answer.status === "rejected")?.reason;
  const none = { node: "any", method: "eth_chainId", reason: "no node is configured" };
  return fault ?? new NodeUnavailableError(none);
}
