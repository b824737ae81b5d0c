import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { dirname } from "node:path";

/** A program that we started and that ends with us. */
export type RunningProcess = {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process is gone, whoever ended it. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly isRunning: () => boolean;
  /** All that it has printed since it was started. */
  readonly output: () => string;
  /** The last lines of it. */
  readonly tail: (lines?: number) => string;
  /** Asks it to end (SIGTERM) and kills it after `graceMs`. Safe to call twice. */
  readonly stop: (graceMs?: number) => Promise<void>;
  /** SIGKILL to it and to all that it started. Safe to call twice. */
  readonly kill: () => Promise<void>;
};

type ProcessOptions = {
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Where its output goes; appended. */
  readonly logFile: string;
};

/**
 * The shell becomes the program. Before that it leaves a watcher behind which reads a pipe of ours: when the pipe ends,
 * because we died (SIGKILL included) or let go of it, the watcher kills the program's whole process group.
 */
const guardedExec = '(cat; kill -KILL 0) <&3 >/dev/null 2>&1 & exec "$@" 3<&-';

/** Starts a program in a process group of its own (Ctrl-C reaches only us) that cannot outlive this process. */
export function startProcess(options: ProcessOptions): RunningProcess {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, "a");
  const logStart = fstatSync(log).size;
  const child = spawn(
    "/bin/sh",
    ["-c", guardedExec, "sh", options.command, ...(options.args ?? [])],
    {
      detached: true,
      stdio: ["ignore", log, log, "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    },
  );
  closeSync(log);
  return describeProcess(child, { ...options, logStart });
}

function describeProcess(
  child: ChildProcess,
  options: ProcessOptions & { readonly logStart: number },
): RunningProcess {
  const lifeline = child.stdio[3];
  if (lifeline instanceof Socket) lifeline.unref();
  lifeline?.on("error", () => {}); // the watcher is gone with its group: nothing is left to guard
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("error", () => resolve({ code: 127, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  void exited.then(() => lifeline?.destroy());
  const pid = child.pid ?? 0;
  const isRunning = () => pid > 0 && child.exitCode === null && child.signalCode === null;

  const output = () => readFileSync(options.logFile).subarray(options.logStart).toString();

  async function kill(): Promise<void> {
    if (isRunning()) signalGroup(pid, "SIGKILL");
    await exited;
  }
  async function stop(graceMs = 10_000): Promise<void> {
    if (isRunning()) child.kill("SIGTERM");
    const timer = setTimeout(() => void kill(), graceMs);
    await exited;
    clearTimeout(timer);
  }
  return {
    name: options.name,
    pid,
    exited,
    isRunning,
    output,
    tail: (lines = 20) => output().trimEnd().split("\n").slice(-lines).join("\n"),
    stop,
    kill,
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group ended between the question and the signal
  }
}
