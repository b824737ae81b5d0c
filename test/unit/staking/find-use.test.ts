import { encodeAbiParameters, parseAbiParameters } from "viem";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Hex } from "../../../src/domain/chain.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { callEncoder, topicOf } from "../../../src/staking/contract.ts";
import { findUse } from "../../../src/staking/find-use.ts";
import { RpcRefusal } from "../../../src/staking/node-refusal.ts";
import type { RpcCall, StakingNode } from "../../../src/staking/staking-node.ts";

const contractAddress: Hex = `0x${"aa".repeat(20)}`;
const messageHelper: Hex = `0x${"bb".repeat(20)}`;
const transactionHash: Hex = `0x${"cc".repeat(32)}`;
const from: Hex = `0x${"dd".repeat(20)}`;
const call: StakeCall = {
  kind: "stake",
  owner: `0x${"22".repeat(20)}`,
  target: "1",
  dipAmount: "5",
  signatureId: `0x${"33".repeat(32)}`,
  signature: `0x${"44".repeat(64)}1b`,
};
const types = parseAbiParameters("uint96, address, uint96, uint256, uint256");
const log = {
  topics: [topicOf(call)],
  data: encodeAbiParameters(types, [1n, call.owner, 9n, 5n, 5n]),
  transactionHash,
};
const head = 20_000_000;
const rangeShape = z.object({ fromBlock: z.coerce.number(), toBlock: z.coerce.number() });

type World = {
  readonly usedAt: number;
  /** Whether the use did what the request asks for. */
  readonly isServed: boolean;
  /** The most blocks that one search for logs may span. */
  readonly mostBlocks: number;
  /** How many blocks back states are kept. */
  readonly states: number;
};

function nodeOf({ usedAt, isServed, mostBlocks, states }: World) {
  let requests = 0;
  const answer = ({ method, params }: RpcCall): unknown => {
    if (method === "eth_blockNumber") return `0x${head.toString(16)}`;
    if (method === "eth_getTransactionByHash")
      return { from, to: contractAddress, input: callEncoder.encode(call) };
    if (method === "eth_getStorageAt") {
      const at = Number(params[2]);
      if (at < head - states)
        return new RpcRefusal({ code: -32_000, message: "missing trie node" });
      return at >= usedAt ? `0x${"0".repeat(63)}1` : `0x${"0".repeat(64)}`;
    }
    const { fromBlock: first, toBlock: last } = rangeShape.parse(params[0]);
    if (last - first >= mostBlocks) {
      return new RpcRefusal({ code: -32_602, message: "block range is too wide" });
    }
    return isServed && first <= usedAt && usedAt <= last ? [log] : [];
  };
  const node: StakingNode = {
    name: "one",
    chainId: async () => 1,
    expectChain: () => {},
    ask: async (calls) => {
      requests += 1;
      return calls.map(answer);
    },
  };
  return { node, requests: () => requests };
}
const query = { contractAddress, messageHelper, call };
const archive = { mostBlocks: 1000, states: Number.POSITIVE_INFINITY };

test("a use long ago is found in a few requests, however few blocks one search for logs may span", async () => {
  const { node, requests } = nodeOf({ ...archive, usedAt: head - 2_000_000, isServed: true });
  expect(await findUse(node, query)).toEqual({ transactionHash, from, stakeId: "9" });
  expect(requests()).toBeLessThan(15);
});

test("4. a burned signature is known as such in a few requests: nobody can hold the signer up with one", async () => {
  const { node, requests } = nodeOf({ ...archive, usedAt: head - 40, isServed: false });
  expect(await findUse(node, query)).toBeNull();
  expect(requests()).toBeLessThan(15);
});

test("a node without old states knows of a recent use as fast", async () => {
  const { node, requests } = nodeOf({
    mostBlocks: 1000,
    states: 128,
    usedAt: head - 90,
    isServed: false,
  });
  expect(await findUse(node, query)).toBeNull();
  expect(requests()).toBeLessThan(15);
});

test("a node without old states has its logs searched, and its bound on them is kept to", async () => {
  const usedAt = head - 300_000;
  const { node, requests } = nodeOf({ mostBlocks: 10_000, states: 128, usedAt, isServed: true });
  expect(await findUse(node, query)).toEqual({ transactionHash, from, stakeId: "9" });
  expect(requests()).toBeLessThan(50);
});
