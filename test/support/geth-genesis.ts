import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";

export const gethBinary = resolve(import.meta.dirname, "../../.tools/bin/geth");

/** Forks by time that geth knows; its own developer chain runs the newest, also one that is not out yet. */
const timeForks = ["shanghai", "cancun", "prague", "osaka"] as const;

export type GethGenesis = {
  /** In force from the first block on. */
  readonly fork: (typeof timeForks)[number];
  /** Accounts that have ether. */
  readonly rich: readonly string[];
};

/** Makes geth's data folder with a genesis block of our own. */
export async function initGeth(data: string, genesis: GethGenesis): Promise<void> {
  const file = `${data}-genesis.json`;
  await writeFile(file, JSON.stringify(genesisOf(genesis)));
  const args = ["--datadir", data, "--state.scheme", "hash", "init", file];
  execFileSync(gethBinary, args, { stdio: "ignore" });
}

/** geth's own developer genesis, system contracts included, with our fork and our rich accounts. */
function genesisOf({ fork, rich }: GethGenesis) {
  const own: { config: Record<string, unknown>; alloc: Record<string, unknown> } = JSON.parse(
    execFileSync(gethBinary, ["--dev", "dumpgenesis"], {
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
