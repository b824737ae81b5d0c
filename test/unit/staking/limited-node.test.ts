import { encodeAbiParameters, encodeFunctionResult, parseAbi } from "viem";
import { expect, test } from "vitest";
import type { Hex } from "../../../src/domain/chain.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { NodeRefusedError } from "../../../src/errors.ts";
import { lookAtCalls } from "../../../src/staking/check-calls.ts";
import { readContractParts } from "../../../src/staking/contract-parts.ts";
import { explainRevert } from "../../../src/staking/explain-revert.ts";
import { RpcRefusal } from "../../../src/staking/node-refusal.ts";
import type { RpcCall, StakingNode } from "../../../src/staking/staking-node.ts";
import { createStakingNodes } from "../../../src/staking/staking-nodes.ts";

const address = (byte: string): Hex => `0x${byte.repeat(20)}`;
const parts = { messageHelper: address("bb"), registry: address("cc") };
const context = {
  chainId: 1,
  contractAddress: address("aa"),
  parts,
  sender: address("dd"),
  confirmations: null,
};
const call: StakeCall = {
  kind: "restake",
  owner: address("22"),
  stakeId: "7",
  target: "1",
  signatureId: `0x${"33".repeat(32)}`,
  signature: `0x${"44".repeat(64)}1b`,
};
const limit = new RpcRefusal({ code: 429, message: "compute units per second exceeded" });

function nodeThat(answer: (call: RpcCall) => unknown): StakingNode {
  return {
    name: "one",
    chainId: async () => 1,
    expectChain: () => {},
    ask: async (calls) => calls.map(answer),
  };
}
const targetOf = ({ params: [first] }: RpcCall): unknown =>
  typeof first === "object" && first !== null && "to" in first ? first.to : first;

test("a node that is asked too often says nothing of who owns a stake: nobody is refused for it", async () => {
  const node = nodeThat((asked) => {
    if (asked.method === "eth_getStorageAt") return "0x0";
    if (asked.method === "eth_estimateGas") return "0x1000";
    return targetOf(asked) === parts.registry ? limit : "0x";
  });
  await expect(lookAtCalls(node, [call], context)).rejects.toThrow(NodeRefusedError);
});

test("nor whether a use of a signature is final", async () => {
  const node = nodeThat(({ method, params }) => {
    if (method !== "eth_getStorageAt") return "0x1";
    return params.at(-1) === "finalized" ? limit : "0x1";
  });
  await expect(lookAtCalls(node, [call], context)).rejects.toThrow(NodeRefusedError);
});

test("nor whether a contract is the staking contract", async () => {
  const helper = encodeAbiParameters([{ type: "address" }], [parts.messageHelper]);
  let asked = 0;
  const node = nodeThat(() => ((asked += 1) === 1 ? helper : limit));
  const options = { address: context.contractAddress, chainId: 1 };
  const nodes = createStakingNodes([node]);
  await expect(readContractParts(nodes, options)).rejects.toThrow(NodeRefusedError);
});

test("nor why a transaction reverted: its user is told the reason and not that there is none", async () => {
  const node = nodeThat(({ method }) =>
    method === "eth_call" ? limit : { to: address("aa"), input: "0x", gas: "0x1000" },
  );
  const receipt = {
    transactionHash: `0x${"55".repeat(32)}`,
    blockHash: `0x${"66".repeat(32)}`,
    blockNumber: "0x10",
    status: "0x0",
    gasUsed: "0x1000",
    from: address("dd"),
    logs: [],
  } as const;
  await expect(explainRevert(node, { ...receipt, logs: [] })).rejects.toThrow(NodeRefusedError);
});

test("a stake that nobody owns is unknown", async () => {
  const reason = encodeAbiParameters([{ type: "string" }], ["ERC721: invalid token ID"]);
  const abi = parseAbi(["function ownerOf(uint96) view returns (address)"]);
  const owned = encodeFunctionResult({ abi, result: call.owner });
  const answers: unknown[] = [
    new RpcRefusal({
      code: 3,
      message: "execution reverted",
      data: `0x08c379a0${reason.slice(2)}`,
    }),
    owned,
  ];
  const node = nodeThat((asked) => {
    if (asked.method === "eth_getStorageAt") return "0x0";
    if (asked.method === "eth_estimateGas") return "0x1000";
    return targetOf(asked) === parts.registry ? answers.shift() : "0x";
  });
  const [unknown] = await lookAtCalls(node, [call], context);
  expect(unknown).toMatchObject({ kind: "refused", reason: { code: "STAKE_UNKNOWN" } });
  expect(await lookAtCalls(node, [call], context)).toEqual([{ kind: "ready", gasLimit: "4915" }]);
});
