import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

/** What a stack writes down about itself, so that the client finds it (design, section 8). */
export type StackEnv = {
  readonly TEMPORAL_ADDRESS: string;
  readonly TEMPORAL_NAMESPACE: string;
  readonly TEMPORAL_UI_URL: string;
  readonly CLICKHOUSE_URL: string;
  readonly CLICKHOUSE_DATABASE: string;
  readonly RPC_URL: string;
  readonly NETWORK: string;
  readonly GENESIS_FILE?: string;
} & Partial<StakingVariables>;

/** Where the staking service runs; its codec key is why stack.env is for its owner's eyes. */
export type StakingVariables = {
  readonly CHAIN_RPC_URL: string;
  readonly STAKING_ADDRESS: string;
  readonly STAKING_SIGNER_ADDRESS: string;
  readonly STAKING_CODEC_KEYS: string;
};

export const defaultDataFolder = ".blockloom";

/** The folder of one stack: databases, logs, stack.env. */
export type DataFolder = {
  readonly path: string;
  readonly file: (...parts: string[]) => string;
  readonly writeStackEnv: (env: StackEnv) => Promise<void>;
  /** Takes stack.env away and lets others have the folder. */
  readonly release: () => Promise<void>;
};

/** Takes a folder for one stack. @throws {Error} When another stack runs in it. */
export async function takeDataFolder(folder: string): Promise<DataFolder> {
  const path = resolve(folder);
  const owner = join(path, "stack.pid");
  const stackEnv = join(path, "stack.env");
  await mkdir(path, { recursive: true });
  const pid = Number(await readFile(owner, "utf8").catch(() => "0"));
  if (pid > 0 && pid !== process.pid && isAlive(pid)) {
    throw new Error(
      `Another stack runs in ${path}.\n  process: ${pid}\n  Fix: stop it (Ctrl-C), or name another folder with --data DIR.`,
    );
  }
  await rm(stackEnv, { force: true });
  await writeFile(owner, String(process.pid));
  return {
    path,
    file: (...parts) => join(path, ...parts),
    writeStackEnv: async (env) => {
      const lines = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      // Urls may hold tokens: for the owner's eyes. Renamed into place, so that nobody reads half of it.
      await writeFile(`${stackEnv}.new`, `${lines.join("\n")}\n`, { mode: 0o600 });
      await rename(`${stackEnv}.new`, stackEnv);
    },
    release: async () => {
      await rm(stackEnv, { force: true });
      await rm(owner, { force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
