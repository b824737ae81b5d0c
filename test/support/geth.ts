import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import getPort from "get-port";
import { callNode } from "../../src/dev/json-rpc.ts";
import { startProcess } from "../../src/dev/processes.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";

const binary = resolve(import.meta.dirname, "../../.tools/bin/geth");

/** Whether the set-up has put geth in place; a test that needs it skips loudly otherwise. */
export const hasGeth = existsSync(binary);

/** A real geth in its developer mode, archive, on a free port: it mines a block when a transaction waits. */
export async function startGeth(): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-geth-"));
  const [port, authPort] = [await getPort(), await getPort()];
  const url = `http://127.0.0.1:${port}`;
  const geth = startProcess({
    name: "geth",
    command: binary,
    args: [
      ...["--dev", "--datadir", join(folder, "data"), "--gcmode", "archive", "--ipcdisable"],
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
