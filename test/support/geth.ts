import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import getPort from "get-port";
import { callNode } from "../../src/dev/json-rpc.ts";
import { startProcess } from "../../src/dev/processes.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";

const binary = resolve(import.meta.dirname, "../../.tools/bin/geth");

/** Whether the set-up has put geth in place; a test that needs it skips loudly otherwise. */
export const hasGeth = existsSync(binary);

/** Forks by time that geth knows; its own developer chain runs the newest, also one that is not out yet. */
const timeForks = ["shanghai", "cancun", "prague", "osaka"] as const;

type GethOptions = {
  /** In force from the first block on. */
  readonly fork: (typeof timeForks)[number];
  /** Accounts that have ether. */
  readonly rich: readonly string[];
};

/**
 * A real geth in its developer mode, archive, on a free port: it mines a block when a transaction waits.
 * @param options - absent: its own developer chain, under the newest rules that it knows.
 */
export async function startGeth(
  options?: GethOptions,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-geth-"));
  const data = join(folder, "data");
  if (options) {
    const genesis = join(folder, "genesis.json");
    await writeFile(genesis, JSON.stringify(genesisOf(options)));
    const args = ["--datadir", data, "--state.scheme", "hash", "init", genesis];
    execFileSync(binary, args, { stdio: "ignore" });
  }
  const [port, authPort] = [await getPort(), await getPort()];
  const url = `http://127.0.0.1:${port}`;
  const geth = startProcess({
    name: "geth",
    command: binary,
    args: [
      // The path scheme keeps the last 128 states only.
      `--dev --datadir ${data} --gcmode archive --state.scheme hash --ipcdisable`,
      `--port 0 --nodiscover --maxpeers 0 --authrpc.port ${authPort}`,
      `--http --http.addr 127.0.0.1 --http.port ${port} --http.api eth,web3,debug`,
    ].flatMap((line) => line.split(" ")),
    logFile: join(folder, "geth.log"),
  });
  await waitUntil(() => callNode(url, "eth_chainId"), {
    what: "geth to answer",
    timeoutMs: 30_000,
    process: geth,
  });
  return {
    url,
    stop: async () => {
      await geth.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** geth's own developer genesis, system contracts included, with our fork and our rich accounts. */
function genesisOf({ fork, rich }: GethOptions) {
  const own: { config: Record<string, unknown>; alloc: Record<string, unknown> } = JSON.parse(
    execFileSync(binary, ["--dev", "dumpgenesis"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const blocks = Object.entries(own.config).filter(([key]) => !key.endsWith("Time"));
  const times = timeForks
    .slice(0, timeForks.indexOf(fork) + 1)
    .map((name): [string, unknown] => [`${name}Time`, 0]);
  const alloc = rich.map((address) => [address, { balance: "0x3635c9adc5dea0000000000" }]);
  return {
    ...own,
    config: Object.fromEntries([...blocks, ...times]),
    gasLimit: "0x11e1a300",
    alloc: { ...own.alloc, ...Object.fromEntries(alloc) },
  };
}
