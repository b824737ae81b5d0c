import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Anvil, startAnvil as startDevAnvil } from "../../src/dev/anvil.ts";
import { startDemoAnvil as startDevDemoAnvil } from "../../src/dev/demo-chain/start-demo-anvil.ts";

/**
 * A real chain on a free port; gone with the test process at the latest.
 * @param options.args - anvil's own flags, such as `["--no-mining"]`; by default a block is mined per transaction.
 */
export async function startAnvil(
  options: {
    readonly args?: readonly string[];
    readonly port?: number;
    readonly stepsTracing?: boolean;
  } = {},
): Promise<{ url: string; pid: number; stop: () => Promise<void>; kill: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-anvil-"));
  const anvil = await startDevAnvil({ logFile: join(folder, "anvil.log"), ...options });
  return {
    url: anvil.url,
    pid: anvil.process.pid,
    stop: async () => {
      await anvil.stop();
      await rm(folder, { recursive: true, force: true });
    },
    kill: () => anvil.process.kill(),
  };
}

/** The demo's node in a folder of its own, which `stop` removes. */
export async function startDemoAnvil(): Promise<Anvil> {
  const dataDir = await mkdtemp(join(tmpdir(), "blockloom-anvil-"));
  const anvil = await startDevDemoAnvil({ dataDir });
  return {
    ...anvil,
    stop: async () => {
      await anvil.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
