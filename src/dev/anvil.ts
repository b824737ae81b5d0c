import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type RunningProcess, startProcess } from "./processes.ts";
import { waitUntil } from "./wait-until.ts";

/** A chain of our own on loopback. */
export type Anvil = {
  readonly url: string;
  readonly process: RunningProcess;
  readonly stop: () => Promise<void>;
};

type AnvilOptions = {
  readonly logFile: string;
  /** Default: a free one. */
  readonly port?: number;
  /** More of anvil's own flags, such as `["--no-mining"]` or `["--hardfork", "berlin"]`. */
  readonly args?: readonly string[];
  /** Without it anvil answers empty traces as success. Default true. */
  readonly stepsTracing?: boolean;
};

export const chainId = 31_337;
export const anvilMnemonic = "test test test test test test test test test test test junk";

/** Starts npm's anvil: chain id 31337, its well-known mnemonic, `finalized` = latest - 2. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  // States of old blocks, gigabytes of them; by default they stay in the user's home for ever when anvil is killed.
  const statesFolder = join(dirname(options.logFile), "anvil-states");
  await rm(statesFolder, { recursive: true, force: true });
  const anvil = startProcess({
    name: "anvil",
    command: findAnvilBinary(),
    args: [
      "--host=127.0.0.1",
      `--port=${options.port ?? 0}`,
      `--chain-id=${chainId}`,
      `--mnemonic=${anvilMnemonic}`,
      "--slots-in-an-epoch=1",
      `--cache-path=${statesFolder}`,
      ...(options.stepsTracing === false ? [] : ["--steps-tracing"]),
      ...(options.args ?? []),
    ],
    logFile: options.logFile,
  });
  // With port 0 the system picks a free one, which only the log tells.
  const port = await waitUntil(() => /Listening on 127\.0\.0\.1:(\d+)/.exec(anvil.output())?.[1], {
    what: "anvil to listen",
    process: anvil,
  });
  return {
    url: `http://127.0.0.1:${port}`,
    process: anvil,
    stop: async () => {
      await anvil.stop();
      await rm(statesFolder, { recursive: true, force: true });
    },
  };
}

/**
 * The binary itself, from npm's package of this platform: the launcher in `.bin` is a second process that
 * would survive a SIGKILL of the first.
 */
function findAnvilBinary(): string {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const name = `@foundry-rs/anvil-${process.platform}-${arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/anvil`);
  } catch (cause) {
    throw new Error(
      `npm's package ${name} is not installed.\n  Fix: run \`npm ci\` without --omit=optional; anvil exists for Linux and macOS on x64 and arm64.`,
      { cause },
    );
  }
}
