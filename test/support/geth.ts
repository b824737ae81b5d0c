import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { callNode } from "../../src/dev/json-rpc.ts";
import { startProcess } from "../../src/dev/processes.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { type GethGenesis, gethBinary, initGeth } from "./geth-genesis.ts";

/** Whether the set-up has put geth in place; a test that needs it skips loudly otherwise. */
export const hasGeth = existsSync(gethBinary);

/**
 * A real geth in its developer mode, archive, on a free port: it mines a block when a transaction waits.
 * @param options - absent: its own developer chain, under the newest rules that it knows.
 */
export async function startGeth(
  options?: GethGenesis,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-geth-"));
  const data = join(folder, "data");
  if (options) await initGeth(data, options);
  const [port, authPort] = [await getPort(), await getPort()];
  const url = `http://127.0.0.1:${port}`;
  const geth = startProcess({
    name: "geth",
    command: gethBinary,
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
