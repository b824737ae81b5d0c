import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** Variables of the machine that would turn a stack of ours away from itself. */
const foreign = /^(RPC_URL|NETWORK|CLICKHOUSE_|TEMPORAL_(ADDRESS|NAMESPACE|UI_URL)|BLOCKLOOM_)/;

export type Script = {
  readonly child: ChildProcess;
  /** What it printed so far, both streams. */
  readonly output: () => string;
  readonly exited: Promise<number | null>;
};

/** Runs what `npm run` runs: set-up, then a program of dist, in a process group of its own like a terminal's. */
export function runScript(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Script {
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const child = spawn("bash", ["scripts/run.sh", ...args], {
    cwd: root,
    detached: true,
    env: { ...Object.fromEntries(own), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const parts: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => parts.push(text));
  }
  const exited = once(child, "close").then(() => child.exitCode);
  return { child, output: () => parts.join(""), exited };
}

/** Processes whose command line names a folder: what a stack with its data there left behind. */
export function processesOf(folder: string): string[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,args="], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line.includes(folder));
}
