import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { type Address, type Hex } from "viem";
import { accounts, deployer, senders } from "../../src/dev/demo-chain/accounts.ts";
import { setUpContracts } from "../../src/dev/demo-chain/setup-blocks.ts";
import type { PlannedTransaction } from "../../src/dev/demo-chain/traffic.ts";
import { callNode, callNodeBatch } from "../../src/dev/json-rpc.ts";
import { type RunningProcess, startProcess } from "../../src/dev/processes.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { gethBinary, initGeth } from "../../test/support/geth-genesis.ts";
import type { Bench } from "../benchmark.ts";
import { type Chain, planHeavyBlock } from "./chains.ts";
import { benchCache } from "./recorded-chain.ts";

export const hasGeth = existsSync(gethBinary);
const chainId = 1337;

/** An archive geth whose last blocks are the heavy ones of {@link planHeavyBlock}; its data is made once and kept. */
export async function startHeavyGeth(bench: Bench, blocks: number): Promise<Chain> {
  const kept = join(benchCache, `geth-osaka-${blocks}`);
  if (!existsSync(kept)) await makeChain(kept, blocks, bench.say);
  const { fromBlock, toBlock }: { fromBlock: number; toBlock: number } = JSON.parse(
    await readFile(join(kept, "range.json"), "utf8"),
  );
  const data = join(bench.folder, "geth");
  await cp(join(kept, "data"), data, { recursive: true });
  const { url, geth } = await startGeth(data, 0);
  return { url, pid: geth.pid, fromBlock, toBlock, stop: () => geth.stop() };
}

/** Blocks come once a second, so that one holds all 50 transactions. */
async function makeChain(kept: string, blocks: number, say: Bench["say"]): Promise<void> {
  const draft = await mkdtemp(join(tmpdir(), "blockloom-bench-geth-"));
  const data = join(draft, "data");
  await initGeth(data, { fork: "osaka", rich: [deployer, ...senders] });
  const { url, geth } = await startGeth(data, 1);
  try {
    say(`mining ${blocks} heavy blocks on geth, one a second (once; kept for later runs)`);
    const miner = new GethMiner(url);
    const contracts = await setUpContracts(miner);
    const fromBlock = (await miner.head()) + 1;
    for (let number = 0; number < blocks; number += 1) {
      await miner.mine(planHeavyBlock(number, contracts));
    }
    const range = { fromBlock, toBlock: await miner.head() };
    await writeFile(join(draft, "range.json"), JSON.stringify(range));
  } finally {
    await geth.stop();
  }
  await mkdir(benchCache, { recursive: true });
  await cp(draft, `${kept}.new`, { recursive: true });
  await rename(`${kept}.new`, kept);
}

/** geth holds none of the demo's keys: its transactions are signed here. */
class GethMiner {
  readonly #url: string;
  readonly #nonces = new Map<Address, number>();

  constructor(url: string) {
    this.#url = url;
  }

  nonceOf(address: Address): number {
    return this.#nonces.get(address) ?? 0;
  }

  async head(): Promise<number> {
    return Number(await callNode(this.#url, "eth_blockNumber"));
  }

  async mine(transactions: readonly PlannedTransaction[]): Promise<void> {
    const signed: Hex[] = [];
    for (const planned of transactions) signed.push(await this.#sign(planned));
    const calls = signed.map((raw) => ({ method: "eth_sendRawTransaction", params: [raw] }));
    await this.#waitFor(await callNodeBatch(this.#url, calls));
  }

  async #waitFor(hashes: readonly unknown[]): Promise<void> {
    const calls = hashes.map((hash) => ({ method: "eth_getTransactionReceipt", params: [hash] }));
    await waitUntil(
      async () => (await callNodeBatch(this.#url, calls)).every((receipt) => receipt),
      { what: "geth to mine", timeoutMs: 60_000 },
    );
  }

  async #sign({ from, action }: PlannedTransaction): Promise<Hex> {
    const account = accounts.find(({ address }) => address === from);
    if (!account) throw new Error(`no key for ${from}`);
    const nonce = this.nonceOf(from);
    this.#nonces.set(from, nonce + 1);
    return account.signTransaction({
      type: "legacy",
      chainId,
      nonce,
      gas: BigInt(action.gas),
      gasPrice: 2_000_000_000n,
      to: action.to,
      value: action.value ?? 0n,
      data: action.data ?? "0x",
    });
  }
}

async function startGeth(
  data: string,
  periodSeconds: number,
): Promise<{ url: string; geth: RunningProcess }> {
  const [port, authPort] = [await getPort(), await getPort()];
  const url = `http://127.0.0.1:${port}`;
  const geth = startProcess({
    name: "geth",
    command: gethBinary,
    args: [
      `--dev --dev.period ${periodSeconds} --datadir ${data} --gcmode archive --state.scheme hash`,
      `--ipcdisable --port 0 --nodiscover --maxpeers 0 --authrpc.port ${authPort} --dev.gaslimit 300000000`,
      `--http --http.addr 127.0.0.1 --http.port ${port} --http.api eth,web3,debug`,
    ].flatMap((line) => line.split(" ")),
    logFile: `${data}.log`,
  });
  await waitUntil(() => callNode(url, "eth_chainId"), {
    what: "geth to answer",
    timeoutMs: 60_000,
    process: geth,
  });
  return { url, geth };
}
