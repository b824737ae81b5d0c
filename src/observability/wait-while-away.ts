import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@temporalio/common";
import {
  AppError,
  DiskFullError,
  NodeUnavailableError,
  StorageUnavailableError,
  TemporalUnavailableError,
} from "../errors.ts";

/** Between two tries; what is starting is up within seconds. */
const retryDelayMs = 1_000;
/** The same reason is said again after so long, so that a look at the log always finds it. */
const repeatMs = 15_000;

const awayErrors = [
  NodeUnavailableError,
  StorageUnavailableError,
  TemporalUnavailableError,
  DiskFullError,
];

export type WaitOptions = {
  /** Completes "Waiting for ...". */
  readonly what: string;
  readonly logger: Logger;
  /** Ends the wait. */
  readonly signal: AbortSignal;
};

/** Repeats `ask` while what it needs is away, and says what it waits for. Any other error ends it. */
export async function waitWhileAway<Answer>(
  ask: () => Promise<Answer>,
  { what, logger, signal }: WaitOptions,
): Promise<Answer> {
  let said = { reason: "", at: 0 };
  for (;;) {
    try {
      const answer = await ask();
      if (said.reason !== "") logger.info(`Found ${what}`);
      return answer;
    } catch (error) {
      const reason = awayReason(error);
      if (reason === undefined) throw error;
      if (reason !== said.reason || Date.now() - said.at >= repeatMs) {
        logger.warn(`Waiting for ${what}`, { reason });
        said = { reason, at: Date.now() };
      }
      await sleep(retryDelayMs, undefined, { signal });
    }
  }
}

/** Undefined for an error that waiting does not mend. */
function awayReason(error: unknown): string | undefined {
  const isAway = error instanceof AppError && awayErrors.some((away) => error instanceof away);
  return isAway ? [error.message.split("\n", 1), ...error.facts].join(" ") : undefined;
}
