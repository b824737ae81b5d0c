import type { Client } from "@temporalio/client";
import { type CallTarget, callTemporal } from "../client/temporal-call.ts";
import { RequestRefusedError, TemporalUnavailableError } from "../errors.ts";

/**
 * Calls Temporal with input that is our own: what it refuses (too many calls a second, an attribute that it does not know
 * yet) is a fault that passes or that a person mends, and never the fault of the user whose request is in hand.
 * @throws {TemporalUnavailableError} @throws {NoWorkerError} @throws {JobNotRunningError}
 */
export async function askTemporal<Answer>(
  client: Client,
  target: CallTarget,
  call: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await callTemporal(client, target, call);
  } catch (error) {
    if (!(error instanceof RequestRefusedError)) throw error;
    const reason = error.facts.join("; ");
    throw new TemporalUnavailableError({ address: "that of this process", reason });
  }
}
