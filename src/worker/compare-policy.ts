import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { AppError } from "../errors.ts";
import {
  comparePolicy,
  describeDifference,
  setPolicyCommand,
} from "../staking/policy-difference.ts";
import { readSigner } from "../staking/signer-client.ts";
import type { SignerName } from "../staking/targets.ts";
import type { SignerPolicy } from "../workflows/staking/messages.ts";
import type { SignerStatus } from "../workflows/staking/signer-shapes.ts";
import type { WorkerProcess } from "./worker-process.ts";

const askAgainMs = 2_000;

/**
 * Warns where a signer that ran before this worker has another policy than the worker's configuration. It is asked until
 * it answers, which it can only once workers run; so nobody waits for this. Never throws.
 */
export async function warnOfOtherPolicy(
  { logger, signal }: Pick<WorkerProcess, "logger" | "signal">,
  client: Client,
  name: SignerName,
  configured: SignerPolicy,
): Promise<void> {
  try {
    const { policy } = await untilAnswered(() => readSigner(client, name), signal);
    const differences = comparePolicy(policy, configured);
    if (differences.length === 0) return;
    logger.warn("The signer ran already and keeps its policy, which is not the configured one", {
      signer: name.address,
      differences: differences.map(describeDifference),
      toApply: setPolicyCommand(differences),
    });
  } catch (error) {
    if (signal.aborted) return;
    const reason = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : "unknown";
    logger.warn("The signer's policy was not compared with the configured one", { reason });
  }
}

async function untilAnswered(
  ask: () => Promise<SignerStatus>,
  signal: AbortSignal,
): Promise<SignerStatus> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable)) throw error;
      await sleep(askAgainMs, undefined, { signal, ref: false });
    }
  }
}
