import { resolve } from "node:path";
import { CommanderError, InvalidArgumentError } from "commander";
import { AppError } from "../errors.ts";

/** A path as the user meant it: npm runs scripts in the project's folder and tells where the user stood. */
export function userPath(path: string): string {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError("It must be a port, 1 to 65535.");
}

/**
 * Aborts at the first Ctrl-C (or SIGTERM, SIGHUP), so that everything can be stopped in order; a second one ends the
 * process at once, and what it started with it.
 */
export function stopOnSignals(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(interrupted);
      stopping.abort();
    });
  }
  return stopping.signal;
}

/** Resolves when the signal aborts; keeps the process alive until then. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const keepAlive = setInterval(() => {}, 60_000);
    signal.addEventListener("abort", () => {
      clearInterval(keepAlive);
      done();
    });
  });
}

/** What the work gives, or undefined as soon as the signal aborts; the work is then left to itself. */
export async function orAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result | undefined> {
  return Promise.race([work, untilAborted(signal).then(() => undefined)]);
}

/** Exit code of a command that Ctrl-C ended before it had done what it was asked for. */
export const interrupted = 130;

/** Exit code of a command that was called wrongly. */
const wrongUsage = 2;

/**
 * Runs a command to its exit code: what we say of our own accord is printed without a stack; wrong usage, which
 * commander has explained by then, is 2.
 */
export async function runCommand(command: () => Promise<number>): Promise<never> {
  try {
    process.exit(await command());
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : wrongUsage);
    console.error(describe(error));
    process.exit(1);
  }
}

function describe(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
