import {
  createPublicClient,
  defineChain,
  type Hex,
  http,
  type TransactionSerializable,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { waitUntil } from "../../../../src/dev/wait-until.ts";
import type { RpcBlock, RpcReceipt } from "../../../../src/domain/chain.ts";

/** A block as a node tells it, its two traces as the bytes of the answers. */
export type RecordedBlock = {
  readonly block: RpcBlock;
  readonly receipts: readonly RpcReceipt[];
  readonly calls: Uint8Array;
  readonly steps: Uint8Array;
};

/** The account that anvil funds; on other nodes it gets its money first. */
export const sender = mnemonicToAccount(
  "test test test test test test test test test test test junk",
);

/** Sends transactions to a development node that mines each at once, and records the blocks. */
export async function openChain(url: string) {
  const call = async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    const response = await post(url, method, params);
    const answer: {
      result: T;
      error?: { message: string };
    } = JSON.parse(await response.text());
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
  const id = Number(await call<Hex>("eth_chainId"));
  const chain = defineChain({
    id,
    name: "test",
    nativeCurrency: { name: "ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const transport = http(url);
  const node = createPublicClient({ chain, transport, pollingInterval: 20 });
  const { baseFeePerGas } = await call<RpcBlock>("eth_getBlockByNumber", ["latest", false]);
  const hasBaseFee = baseFeePerGas !== undefined;
  const clientVersion = await call<string>("web3_clientVersion");
  let nonce = await node.getTransactionCount({ address: sender.address });

  // Not by its hash: geth answers that only when its index of transactions is ready.
  let seen = Number(await call<Hex>("eth_blockNumber"));
  const findReceipt = async (hash: Hex) => {
    const head = Number(await call<Hex>("eth_blockNumber"));
    for (; seen < head; seen++) {
      const receipts = await call<RpcReceipt[]>("eth_getBlockReceipts", [
        `0x${(seen + 1).toString(16)}`,
      ]);
      const receipt = receipts.find(({ transactionHash }) => transactionHash === hash);
      if (receipt) return receipt;
    }
    return false;
  };
  const receiptOf = (hash: Hex) =>
    waitUntil(() => findReceipt(hash), { what: "a receipt", everyMs: 10 });

  const fund = async () => {
    if ((await node.getBalance({ address: sender.address })) > 10n ** 21n) return;
    const [rich] = await call<Hex[]>("eth_accounts");
    const hash = await call<Hex>("eth_sendTransaction", [
      { from: rich, to: sender.address, value: "0x3635c9adc5dea00000000" },
    ]);
    await receiptOf(hash);
  };

  /** Sends one transaction and gives the hash of its block. */
  const send = async (request: {
    to?: Hex;
    data?: Hex;
    value?: bigint;
    gas?: bigint;
    extra?: object;
  }) => {
    const { extra = {}, gas = 1_000_000n, ...rest } = request;
    const fees: object =
      "gasPrice" in extra || !hasBaseFee
        ? { type: "legacy", gasPrice: 10n ** 11n }
        : { type: "eip1559", maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n };
    const transaction: TransactionSerializable = {
      ...rest,
      chainId: id,
      gas,
      nonce: nonce++,
      ...fees,
      ...extra,
    };
    const signed = await sender.signTransaction(transaction);
    const hash = await call<Hex>("eth_sendRawTransaction", [signed]);
    return await receiptOf(hash);
  };

  const bytesOf = async (hash: Hex, options: object) =>
    Buffer.from(
      await post(url, "debug_traceBlockByHash", [hash, options]).then((response) =>
        response.text(),
      ),
    );

  const record = async (hash: Hex): Promise<RecordedBlock> => ({
    block: await call("eth_getBlockByHash", [hash, true]),
    receipts: await call("eth_getBlockReceipts", [hash]),
    calls: await bytesOf(hash, { tracer: "callTracer" }),
    steps: await bytesOf(hash, { enableMemory: false, disableStorage: true }),
  });

  return { clientVersion, call, fund, send, record, node, nextNonce: () => nonce };
}

export type TracedChain = Awaited<ReturnType<typeof openChain>>;

function post(url: string, method: string, params: readonly unknown[]): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
}
