import { setTimeout as sleep } from "node:timers/promises";
import type { RunningProcess } from "./processes.ts";

type WaitOptions = {
  /** What is waited for, in words that complete "waiting for ...". */
  readonly what: string;
  /** Default: what a program that starts on a busy machine may take. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** The wait ends with an error as soon as this process is gone. */
  readonly process?: RunningProcess;
};

/**
 * Asks `probe` until it answers something other than undefined or false; a throw counts as "not yet".
 * @throws {Error} When time is up or the process ended, with what the process printed last.
 */
export async function waitUntil<Answer>(
  probe: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  { what, timeoutMs = 60_000, everyMs = 50, process }: WaitOptions,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      lastError = error;
    }
    const isGone = process !== undefined && !process.isRunning();
    if (isGone || Date.now() > deadline) {
      const why = isGone ? `${process.name} ended` : `gave up after ${timeoutMs / 1000} s`;
      const said = process === undefined ? "" : `\n${process.tail()}`;
      throw new Error(`Waiting for ${what}: ${why}.${said}`, { cause: lastError });
    }
    await sleep(everyMs);
  }
}
