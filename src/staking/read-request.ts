import { type Client, WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { callTemporal, glanceTimeoutMs } from "../client/temporal-call.ts";
import { JobNotRunningError, NoWorkerError } from "../errors.ts";
import { stakeMessageNames } from "../workflows/staking/messages.ts";
import type { StakeRequestInput, StakeRequestStatus } from "../workflows/staking/request-shapes.ts";
import { readRequestInput } from "./request-input.ts";
import { requestTarget } from "./targets.ts";

const closeTimeoutMs = 5_000;

/** The answers that are kept longer than Temporal keeps a workflow. */
export type KeptRequests = {
  readonly read: (requestId: string) => Promise<StakeRequestStatus | null>;
};

/**
 * Where a request stands: the workflow says while it runs, its end afterwards, and what was kept once it is gone.
 * @param client - one with the codec.
 * @returns null for a request that nobody knows.
 * @throws {NoWorkerError} while it runs and no worker answers. @throws {TemporalUnavailableError}
 */
export async function readRequest(
  client: Client,
  requestId: string,
  kept: KeptRequests,
): Promise<StakeRequestStatus | null> {
  try {
    return await askWorkflow(client, requestId);
  } catch (error) {
    if (error instanceof JobNotRunningError) return kept.read(requestId);
    throw error;
  }
}

async function askWorkflow(client: Client, requestId: string): Promise<StakeRequestStatus | null> {
  const target = requestTarget(requestId);
  const { status, runId } = await callTemporal(client, target, () =>
    client.workflow.getHandle(requestId).describe(),
  );
  // The run is named, because a request that may be asked again could start anew in between.
  const handle = client.workflow.getHandle(requestId, runId);
  if (status.name === "RUNNING") {
    return callTemporal(
      client,
      target,
      () => handle.query<StakeRequestStatus>(stakeMessageNames.status),
      glanceTimeoutMs,
    );
  }
  try {
    return await callTemporal<StakeRequestStatus>(client, target, () => handle.result());
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return statusOfFailure(error) ?? cutOff(client, requestId, status.name);
  }
}

/** What a request that may be asked again ended with. */
function statusOfFailure({ cause }: WorkflowFailedError): StakeRequestStatus | undefined {
  if (!(cause instanceof ApplicationFailure)) return undefined;
  const status: unknown = cause.details?.[0];
  return isStatus(status) ? status : undefined;
}

function isStatus(value: unknown): value is StakeRequestStatus {
  return typeof value === "object" && value !== null && "state" in value && "requestId" in value;
}

/** Somebody ended the workflow from outside, so it could not say where it stood. */
async function cutOff(
  client: Client,
  requestId: string,
  how: string,
): Promise<StakeRequestStatus | null> {
  const input = await readRequestInput(client, requestId);
  return input && { ...firstStatus(requestId, input), ...endedFromOutside(how) };
}

function endedFromOutside(how: string): Partial<StakeRequestStatus> {
  const message =
    "The request's workflow was ended in Temporal; the chain tells what became of it.";
  return { state: "failed", isFinal: true, reason: { code: how, message } };
}

/** What can be said of a request from its input alone. */
export function firstStatus(requestId: string, input: StakeRequestInput): StakeRequestStatus {
  const { chainId, call, receivedAt, expiresAt } = input;
  return {
    requestId,
    chainId,
    kind: call.kind,
    owner: call.owner,
    target: call.target,
    state: "checking",
    isFinal: false,
    reason: null,
    nonce: null,
    transactionHash: null,
    blockNumber: null,
    gasUsed: null,
    stakeId: null,
    receivedAt,
    expiresAt,
    updatedAt: receivedAt,
  };
}

/**
 * Waits until the workflow of a request that says its end is closed: it still writes what became of it.
 * @returns whether it closed so that it may be asked again; false also where it takes longer than some seconds.
 */
export async function closesForAnother(client: Client, requestId: string): Promise<boolean> {
  try {
    const handle = client.workflow.getHandle(requestId);
    await callTemporal(client, requestTarget(requestId), () => handle.result(), closeTimeoutMs);
    return false;
  } catch (error) {
    if (error instanceof WorkflowFailedError) return true;
    if (error instanceof NoWorkerError || error instanceof JobNotRunningError) return false;
    throw error;
  }
}

/** Takes a request back: at once while it waits, by a race for its nonce once it is broadcast. Safe to repeat.
 * @throws {JobNotRunningError} when it has ended. */
export async function cancelRequest(client: Client, requestId: string): Promise<void> {
  const handle = client.workflow.getHandle(requestId);
  await callTemporal(client, requestTarget(requestId), () =>
    handle.signal(stakeMessageNames.cancel),
  );
}
