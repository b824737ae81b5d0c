import { type Address, type Hex, hexToNumber, numberToHex } from "viem";
import { z } from "zod";
import { chainId } from "../anvil.ts";
import { callNode, callNodeBatch } from "../json-rpc.ts";
import { authority, deployer, senders } from "./accounts.ts";
import type { PlannedTransaction } from "./traffic.ts";

type Request = { readonly method: string; readonly params?: readonly unknown[] };
const quantity = z.string().transform((text) => hexToNumber(z.custom<Hex>().parse(text)));

/** Puts blocks on the chain: knows the nonces, keeps the clock at one second a block. Not safe for two at once. */
export class BlockProducer {
  readonly #rpcUrl: string;
  readonly #nonces: Map<Address, number>;

  private constructor(rpcUrl: string, nonces: Map<Address, number>) {
    this.#rpcUrl = rpcUrl;
    this.#nonces = nonces;
  }

  /** Takes over a chain where it stands. */
  static async open(rpcUrl: string): Promise<BlockProducer> {
    const addresses = [deployer, ...senders, authority.address];
    const counts = await callNodeBatch(
      rpcUrl,
      addresses.map((address) => ({
        method: "eth_getTransactionCount",
        params: [address, "latest"],
      })),
    );
    // The same chain whenever it is made: no block time depends on the clock on the wall.
    await callNode(rpcUrl, "anvil_setBlockTimestampInterval", [1]);
    const nonces = addresses.map((address, index): [Address, number] => [
      address,
      quantity.parse(counts[index]),
    ]);
    return new BlockProducer(rpcUrl, new Map(nonces));
  }

  nonceOf(address: Address): number {
    return this.#nonces.get(address) ?? 0;
  }

  async head(): Promise<number> {
    return quantity.parse(await callNode(this.#rpcUrl, "eth_blockNumber"));
  }

  /** Mines one block of exactly these transactions, in this order. @throws {Error} When the chain takes another number. */
  async mine(transactions: readonly PlannedTransaction[]): Promise<void> {
    const requests: Request[] = [];
    for (const transaction of transactions) requests.push(await this.#toRequest(transaction));
    if (requests.length > 0) await callNodeBatch(this.#rpcUrl, requests);
    // Not in the same request: anvil works on a batch's parts side by side.
    await callNode(this.#rpcUrl, "evm_mine");
    const count = await callNode(this.#rpcUrl, "eth_getBlockTransactionCountByNumber", ["latest"]);
    if (quantity.parse(count) !== transactions.length) {
      throw new Error(`anvil mined ${String(count)} of ${transactions.length} transactions`);
    }
  }

  async #toRequest({ from, action, pricing }: PlannedTransaction): Promise<Request> {
    const transaction = {
      from,
      ...(action.to === null ? {} : { to: action.to }),
      data: action.data ?? "0x",
      value: numberToHex(action.value ?? 0n),
      gas: numberToHex(action.gas),
      nonce: numberToHex(this.#takeNonce(from)),
      chainId: numberToHex(chainId),
      ...pricing,
    };
    if (action.delegateTo === undefined) {
      return { method: "eth_sendTransaction", params: [transaction] };
    }
    const signed = await authority.signAuthorization({
      chainId,
      contractAddress: action.delegateTo,
      nonce: this.#takeNonce(authority.address),
    });
    const authorization = {
      chainId: numberToHex(chainId),
      address: action.delegateTo,
      nonce: numberToHex(signed.nonce),
      yParity: numberToHex(signed.yParity ?? 0),
      r: signed.r,
      s: signed.s,
    };
    return {
      method: "eth_sendTransaction",
      params: [{ ...transaction, type: "0x4", authorizationList: [authorization] }],
    };
  }

  #takeNonce(address: Address): number {
    const nonce = this.nonceOf(address);
    this.#nonces.set(address, nonce + 1);
    return nonce;
  }
}
