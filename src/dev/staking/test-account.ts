import {
  type Abi,
  createPublicClient,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  http,
} from "viem";
import { callNode } from "../json-rpc.ts";
import { waitUntil } from "../wait-until.ts";
import { type ContractName, readArtifact } from "./contract-artifacts.ts";

type Hex = `0x${string}`;
export type Contract = { readonly address: Hex; readonly abi: Abi };
export type ContractCall = {
  readonly to: Contract;
  readonly name: string;
  readonly args?: readonly unknown[];
};

/**
 * A slot that keeps its value in the estimate may change in the block: a second later `block.timestamp` is another.
 * EIP-2200: that costs up to 20,000 more.
 */
const spareGas = 100_000;

/** Sends from accounts that anvil itself holds the keys of, and waits until each transaction is mined. */
export type TestAccounts = {
  readonly deploy: (from: Hex, name: ContractName, args?: readonly unknown[]) => Promise<Contract>;
  /** @throws {Error} With the contract's reason when it reverts. */
  readonly send: (from: Hex, call: ContractCall) => Promise<Hex>;
  /** What a call would give back now. */
  readonly read: (call: ContractCall) => Promise<unknown>;
  readonly advanceTime: (seconds: number) => Promise<void>;
  /** Of the newest block, seconds since 1970. */
  readonly now: () => Promise<number>;
};

export function openTestAccounts(url: string): TestAccounts {
  const client = createPublicClient({ transport: http(url) });

  async function sendData(from: Hex, data: Hex, to?: Hex): Promise<Hex> {
    const estimate = Number(await callNode(url, "eth_estimateGas", [{ from, data, to }]));
    const gas = `0x${(estimate + spareGas).toString(16)}`;
    const hash = toHash(await callNode(url, "eth_sendTransaction", [{ from, data, to, gas }]));
    const receipt = await waitUntil(
      async () => {
        const found = await callNode(url, "eth_getTransactionReceipt", [hash]);
        return found === null ? undefined : client.getTransactionReceipt({ hash });
      },
      { what: "a transaction of the deployment to be mined", timeoutMs: 30_000, everyMs: 5 },
    );
    if (receipt.status === "reverted") throw new Error(`The transaction ${hash} reverted.`);
    return hash;
  }

  return {
    deploy: async (from, name, args = []) => {
      const { abi, bytecode } = readArtifact(name);
      const nonce = BigInt(await client.getTransactionCount({ address: from }));
      await sendData(from, encodeDeployData({ abi, bytecode, args }));
      return { address: lower(getContractAddress({ from, nonce })), abi };
    },
    send: (from, { to, name, args = [] }) =>
      sendData(from, encodeFunctionData({ abi: to.abi, functionName: name, args }), to.address),
    read: async ({ to, name, args = [] }) => {
      const data = encodeFunctionData({ abi: to.abi, functionName: name, args });
      const answer = await client.call({ to: to.address, data });
      return decodeFunctionResult({
        abi: to.abi,
        functionName: name,
        args,
        data: answer.data ?? "0x",
      });
    },
    advanceTime: async (seconds) => {
      await callNode(url, "evm_increaseTime", [seconds]);
      await callNode(url, "evm_mine");
    },
    now: async () => Number((await client.getBlock({ blockTag: "latest" })).timestamp),
  };
}

function toHash(answer: unknown): Hex {
  if (typeof answer === "string" && answer.startsWith("0x")) return lower(answer);
  throw new Error("The node answered no transaction hash.");
}

function lower(text: string): Hex {
  return `0x${text.slice(2).toLowerCase()}`;
}
