import { type Address, type Hex, hexToBigInt, numberToHex } from "viem";
import { z } from "zod";
import { accounts, authority, deployer, senders } from "../../src/dev/demo-chain/accounts.ts";
import { setUpContracts } from "../../src/dev/demo-chain/setup-blocks.ts";
import { type PlannedTransaction, planBlock } from "../../src/dev/demo-chain/traffic.ts";
import { callNode, callNodeBatch } from "../../src/dev/json-rpc.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";

const gethDevChainId = 1337;
/** Accounts that need ether. */
export const rich = [deployer, ...senders, authority.address];

/**
 * The demo's traffic on a geth in developer mode, which holds none of its keys: transactions are signed here.
 * @returns the head afterwards.
 */
export async function makeGethTraffic(url: string, seed: number, blocks: number): Promise<number> {
  if ((await callNode(url, "eth_getBalance", [deployer, "latest"])) === "0x0") await fund(url);
  const nonces = new Map<Address, number>();
  const nonceOf = (address: Address) => nonces.get(address) ?? 0;
  const takeNonce = (address: Address) => {
    const nonce = nonceOf(address);
    nonces.set(address, nonce + 1);
    return nonce;
  };
  async function mine(transactions: readonly PlannedTransaction[]): Promise<void> {
    const signed: Hex[] = [];
    for (const planned of transactions) signed.push(await sign(planned, takeNonce));
    const calls = signed.map((raw) => ({ method: "eth_sendRawTransaction", params: [raw] }));
    await waitForAll(url, calls.length === 0 ? [] : await callNodeBatch(url, calls));
  }
  const contracts = await setUpContracts({ mine, nonceOf });
  for (let blockNumber = 0; blockNumber < blocks; blockNumber += 1) {
    const planned = planBlock({ seed, blockNumber, contracts });
    await mine(planned.filter(({ kind }) => isWorthIt(kind, blockNumber)));
  }
  return Number(await callNode(url, "eth_blockNumber"));
}

/** Every kind of traffic, but few of those that have thousands of steps: the oracle is slow. */
function isWorthIt(kind: string, blockNumber: number): boolean {
  const isLong = kind === "loop" || kind.startsWith("swap");
  return !isLong || blockNumber % 8 === 0;
}

async function fund(url: string): Promise<void> {
  const [owner] = z.array(z.string()).parse(await callNode(url, "eth_accounts"));
  const value = numberToHex(10n ** 22n);
  const first = Number(await callNode(url, "eth_getTransactionCount", [owner, "latest"]));
  // Geth gives a nonce twice where it mines a block in the middle of the batch.
  const calls = rich.map((to, index) => ({
    method: "eth_sendTransaction",
    params: [{ from: owner, to, value, nonce: numberToHex(first + index) }],
  }));
  await waitForAll(url, await callNodeBatch(url, calls));
}

async function waitForAll(url: string, hashes: readonly unknown[]): Promise<void> {
  const calls = hashes.map((hash) => ({ method: "eth_getTransactionReceipt", params: [hash] }));
  await waitUntil(
    async () => calls.length === 0 || (await callNodeBatch(url, calls)).every((receipt) => receipt),
    { what: "geth to mine" },
  );
}

async function sign(
  { from, action, pricing }: PlannedTransaction,
  takeNonce: (address: Address) => number,
): Promise<Hex> {
  const account = accounts.find(({ address }) => address === from);
  if (!account) throw new Error(`no key for ${from}`);
  const common = {
    chainId: gethDevChainId,
    nonce: takeNonce(from),
    gas: BigInt(action.gas),
    to: action.to,
    value: action.value ?? 0n,
    data: action.data ?? "0x",
  };
  if (pricing.type === "0x0") {
    return account.signTransaction({
      ...common,
      type: "legacy",
      gasPrice: hexToBigInt(pricing.gasPrice),
    });
  }
  if (pricing.type === "0x1") {
    const { accessList } = pricing;
    return account.signTransaction({
      ...common,
      type: "eip2930",
      gasPrice: hexToBigInt(pricing.gasPrice),
      accessList,
    });
  }
  const fees = {
    maxFeePerGas: hexToBigInt(pricing.maxFeePerGas),
    maxPriorityFeePerGas: hexToBigInt(pricing.maxPriorityFeePerGas),
    accessList: pricing.accessList ?? [],
  };
  if (action.delegateTo === undefined) {
    return account.signTransaction({ ...common, ...fees, type: "eip1559" });
  }
  const authorization = await authority.signAuthorization({
    chainId: gethDevChainId,
    contractAddress: action.delegateTo,
    nonce: takeNonce(authority.address),
  });
  return account.signTransaction({
    ...common,
    ...fees,
    type: "eip7702",
    authorizationList: [authorization],
  });
}
