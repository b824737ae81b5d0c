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

/**
 * A real geth in its developer mode, archive, on a free port: it mines a block when a transaction waits.
 * @param genesis - in geth's format; without one the newest rules that this geth knows are in force.
 */
export async function startGeth(
  genesis?: object,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-geth-"));
  if (genesis) {
    const file = join(folder, "genesis.json");
    await writeFile(file, JSON.stringify(genesis));
    execFileSync(
      binary,
      ["init", "--state.scheme", "hash", "--datadir", join(folder, "data"), file],
      { stdio: "ignore" },
    );
  }
  const [port, authPort] = [await getPort(), await getPort()];
  const url = `http://127.0.0.1:${port}`;
  const geth = startProcess({
    name: "geth",
    command: binary,
    args: [
      ...["--dev", "--datadir", join(folder, "data"), "--ipcdisable"],
      // The path scheme keeps the last 128 states only.
      ...["--gcmode", "archive", "--state.scheme", "hash"],
      ...["--port", "0", "--nodiscover", "--maxpeers", "0", "--authrpc.port", String(authPort)],
      ...["--http", "--http.addr", "127.0.0.1", "--http.port", String(port)],
      ...["--http.api", "eth,web3,net,debug,txpool"],
    ],
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
