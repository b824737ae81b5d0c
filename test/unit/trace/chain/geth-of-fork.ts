import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import getPort from "get-port";
import { callNode } from "../../../../src/dev/json-rpc.ts";
import { startProcess } from "../../../../src/dev/processes.ts";
import { waitUntil } from "../../../../src/dev/wait-until.ts";
import { sender } from "./traced-chain.ts";

const binary = resolve(import.meta.dirname, "../../../../.tools/bin/geth");

/** Forks by time that geth knows; its own developer chain runs the newest, also one that is not out yet. */
const timeForks = ["shanghai", "cancun", "prague", "osaka"] as const;

/** geth in developer mode on a chain of its own whose fork is `fork` from the first block on. */
export async function startGethOfFork(fork: (typeof timeForks)[number]) {
  const folder = mkdtempSync(join(tmpdir(), "blockloom-geth-"));
  const data = join(folder, "data");
  writeFileSync(join(folder, "genesis.json"), JSON.stringify(genesisOf(fork)));
  execFileSync(
    binary,
    ["--datadir", data, "--state.scheme", "hash", "init", join(folder, "genesis.json")],
    {
      stdio: "ignore",
    },
  );
  const [port, authPort] = [await getPort(), await getPort()];
  const url = `http://127.0.0.1:${port}`;
  const geth = startProcess({
    name: "geth",
    command: binary,
    args: [
      `--dev --datadir ${data} --gcmode archive --ipcdisable --port 0 --nodiscover --maxpeers 0`,
      `--authrpc.port ${authPort} --http --http.addr 127.0.0.1 --http.port ${port}`,
      "--http.api eth,web3,debug",
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
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** geth's own developer genesis, system contracts included, with our forks and our rich account. */
function genesisOf(fork: (typeof timeForks)[number]) {
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
  return {
    ...own,
    config: Object.fromEntries([...blocks, ...times]),
    gasLimit: "0x11e1a300",
    alloc: { ...own.alloc, [sender.address.slice(2)]: { balance: "0x3635c9adc5dea0000000000" } },
  };
}
