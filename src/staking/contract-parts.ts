import type { Hex } from "../domain/chain.ts";
import { readRevert } from "../domain/staking/revert-reason.ts";
import { StakingContractError } from "../errors.ts";
import { domainView, messageHelperView, registryView } from "./contract-views.ts";
import { RpcRefusal } from "./node-refusal.ts";
import { refusedBy, type StakingNode } from "./staking-node.ts";
import type { StakingNodes } from "./staking-nodes.ts";

/** What the staking contract is made of. */
export type ContractParts = {
  /** Verifies signatures and remembers the used ones. */
  readonly messageHelper: Hex;
  /** Knows who owns which NFT. */
  readonly registry: Hex;
};

const noAddress = /^0x0{40}$/;

/** Reads the parts and whether their signatures are those of this chain. @throws {StakingContractError} */
export async function readContractParts(
  nodes: StakingNodes,
  { address, chainId }: { readonly address: Hex; readonly chainId: number },
  signal?: AbortSignal,
): Promise<ContractParts> {
  const wrong = (reason: string) => new StakingContractError({ address, reason });
  return nodes.onBest(async (node) => {
    const views = [messageHelperView(address), registryView(address)] as const;
    const answers = await node.ask(
      views.map(({ request }) => request),
      { signal },
    );
    for (const answer of answers) throwUnlessOfContract(node, answer);
    const [messageHelper, registry] = views.map(({ read }, at) => read(answers[at]));
    if (!isSet(messageHelper)) throw wrong("getMessageHelperAddress() names no contract");
    if (!isSet(registry)) throw wrong("getRegistry() names no contract");
    const domain = domainView({ chainId, messageHelper });
    const [digest] = await node.ask([domain.request], { signal });
    throwUnlessOfContract(node, digest);
    if (domain.read(digest) !== true) {
      throw wrong(`its helper ${messageHelper} makes other digests for chain ${chainId}`);
    }
    return { messageHelper, registry };
  }, signal);
}

/** A node that is asked too often says nothing of the contract; only its revert does. */
function throwUnlessOfContract(node: StakingNode, answer: unknown): void {
  if (answer instanceof RpcRefusal && readRevert(answer) === null) {
    throw refusedBy(node.name, "eth_call", answer);
  }
}

function isSet(address: Hex | null | undefined): address is Hex {
  return address !== null && address !== undefined && !noAddress.test(address);
}
