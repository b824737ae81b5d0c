import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../errors.ts";

export type EmbeddedServer = {
  /** `http://127.0.0.1:<port>`, for the ordinary client. */
  readonly url: string;
  readonly pid: number;
  /** Settles when it is gone, whoever ended it. */
  readonly exited: Promise<void>;
  /** Ends running statements and closes the data directory. Safe to call twice. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
};

/**
 * Every statement that runs holds one of libuv's threads; with the default of 4, files wait for seconds behind
 * 8 statements, with 16 for under a millisecond (measured).
 */
const threads = 16;

/** How long the first start on a large data directory may take. */
const startTimeoutMs = 60_000;

/**
 * Starts an embedded ClickHouse over a data directory as a process of its own and waits until it answers.
 * It ends when this process ends, however that happens, but not by a Ctrl-C meant for this process.
 * @param options.port - 0 or absent: a free one.
 * @param options.tmpDir - For bodies of inserts; default: a folder inside the data directory's parent.
 * @throws {ConfigError} when it does not start; the facts are its own words.
 */
export async function startEmbeddedServer(options: {
  dataDir: string;
  port?: number;
  tmpDir?: string;
  memoryLimitBytes?: number;
}): Promise<EmbeddedServer> {
  const tmpDir = options.tmpDir ?? `${options.dataDir}.tmp`;
  await mkdir(options.dataDir, { recursive: true });
  await mkdir(tmpDir, { recursive: true });
  const child = spawnServer([
    "--data",
    options.dataDir,
    "--tmp",
    tmpDir,
    "--port",
    String(options.port ?? 0),
    ...(options.memoryLimitBytes ? ["--memory-limit", String(options.memoryLimitBytes)] : []),
  ]);
  const port = await waitUntilReady(child);
  const exited = once(child, "exit").then(
    () => undefined,
    () => undefined,
  );
  child.unref();
  child.channel?.unref();
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    child.kill(signal);
    await exited;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    exited,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

function spawnServer(arguments_: readonly string[]): ChildProcess {
  const extension = extname(import.meta.url);
  const main = fileURLToPath(new URL(`../embedded-server${extension}`, import.meta.url));
  const loader = extension === ".ts" ? ["--import", "tsx"] : [];
  // `env` adds to the environment without this file reading it; libuv looks before the first line of JavaScript.
  const command = [`UV_THREADPOOL_SIZE=${threads}`, process.execPath, ...loader, main];
  return spawn("env", [...command, ...arguments_], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    detached: true,
    // The IPC channel breaks when this process dies, whatever killed it.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

async function waitUntilReady(child: ChildProcess): Promise<number> {
  const complaints: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints.push(text);
    if (complaints.length > 20) complaints.shift();
  });
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const port = await new Promise<number | null>((resolve) => {
    lines.once("line", (line) => resolve(portOf(line)));
    child.once("exit", () => resolve(null));
    child.once("error", () => resolve(null));
    setTimeout(resolve, startTimeoutMs, null).unref();
  });
  if (port !== null) {
    unrefPipe(child.stdout);
    unrefPipe(child.stderr);
    return port;
  }
  child.kill("SIGKILL");
  throw new ConfigError("The embedded ClickHouse did not start.", {
    facts: complaints.join("").trim().split(/\n\s*/),
    fix: "mend what it says (one server a data folder; chdb comes with npm ci), or set CLICKHOUSE_URL to a server.",
  });
}

function portOf(line: string): number | null {
  const message: { ready?: boolean; port?: number } = JSON.parse(line);
  return message.ready === true ? (message.port ?? null) : null;
}

function unrefPipe(pipe: ChildProcess["stdout"]): void {
  if (pipe && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
}
