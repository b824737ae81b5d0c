import { type Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import type { Hex } from "../domain/chain.ts";
import type { StakeCall } from "../domain/staking/stake-call.ts";
import { etherDecimals, formatUnits } from "../domain/staking/units.ts";
import { JobNotRunningError } from "../errors.ts";
import { jobAttributes } from "../temporal/search-attributes.ts";
import { stakeTaskQueues, stakeWorkflowTypes } from "../workflows/staking/messages.ts";
import type { StakeRequestInput, StreamEntity } from "../workflows/staking/request-shapes.ts";
import { askTemporal } from "./ask-temporal.ts";
import { requestIdOf } from "./request-id.ts";
import { readRequestInput } from "./request-input.ts";
import { requestTarget } from "./targets.ts";

export type WantedRequest = {
  readonly chainId: number;
  readonly call: StakeCall;
  /** Who sends it, lower case. */
  readonly signer: Hex;
  readonly source: StakeRequestInput["source"];
  readonly actor: string;
  /** Milliseconds after which nothing is broadcast for it. */
  readonly lifetimeMs: number;
  readonly entity?: StreamEntity;
};

/** What a start came to. */
export type StartedRequest =
  | { readonly kind: "started"; readonly requestId: string }
  /** The same request runs, or has ended for good. */
  | {
      readonly kind: "known";
      readonly requestId: string;
      /** The stream's entity that the existing run keeps up to date. */
      readonly entity: StreamEntity | null;
    }
  /** Another request has the same signature: at most one of them is what its owner signed. */
  | { readonly kind: "conflict"; readonly requestId: string; readonly fields: readonly string[] };

/**
 * Starts the workflow of a request, durably: once this returns it is not lost. Idempotent by the signature; a request
 * that ended so that it may be asked again (expired, cancelled, its user had something to mend) starts anew.
 * @param client - one with the codec ({@link createCodedClient}).
 * @throws {TemporalUnavailableError} @throws {RequestRefusedError}
 */
export async function startRequest(client: Client, wanted: WantedRequest): Promise<StartedRequest> {
  const { chainId, call } = wanted;
  const requestId = requestIdOf(chainId, call);
  try {
    await askTemporal(client, requestTarget(requestId), () =>
      client.workflow.start(stakeWorkflowTypes.request, {
        workflowId: requestId,
        taskQueue: stakeTaskQueues.transactions(chainId),
        args: [toInput(wanted)],
        workflowIdConflictPolicy: "FAIL",
        workflowIdReusePolicy: "ALLOW_DUPLICATE_FAILED_ONLY",
        staticSummary: summarise(call),
        typedSearchAttributes: jobAttributes({
          network: `chain-${chainId}`,
          kind: "stake",
          status: "running",
        }),
      }),
    );
    return { kind: "started", requestId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return compareWithKnown(client, requestId, call);
}

/**
 * Looks whether a request runs or has ended for good, without starting it.
 * @returns null where it may be started.
 */
export async function findRequest(
  client: Client,
  chainId: number,
  call: StakeCall,
): Promise<Exclude<StartedRequest, { kind: "started" }> | null> {
  const requestId = requestIdOf(chainId, call);
  try {
    const { status } = await askTemporal(client, requestTarget(requestId), () =>
      client.workflow.getHandle(requestId).describe(),
    );
    const isTaken = status.name === "RUNNING" || status.name === "COMPLETED";
    return isTaken ? await compareWithKnown(client, requestId, call) : null;
  } catch (error) {
    if (error instanceof JobNotRunningError) return null;
    throw error;
  }
}

async function compareWithKnown(
  client: Client,
  requestId: string,
  call: StakeCall,
): Promise<Exclude<StartedRequest, { kind: "started" }>> {
  const known = await readRequestInput(client, requestId);
  // Gone by retention in between: then it had ended, and nothing of it can differ any more.
  if (known === null) return { kind: "known", requestId, entity: null };
  const fields = differences(known.call, call);
  return fields.length > 0
    ? { kind: "conflict", requestId, fields }
    : { kind: "known", requestId, entity: known.entity };
}

function differences(known: StakeCall, call: StakeCall): string[] {
  const before = new Map<string, unknown>(Object.entries(known));
  return Object.entries(call).flatMap(([field, value]) =>
    before.get(field) === value ? [] : [field],
  );
}

function toInput(wanted: WantedRequest): StakeRequestInput {
  const { chainId, call, signer, source, actor, lifetimeMs, entity = null } = wanted;
  const now = Date.now();
  return {
    v: 1,
    chainId,
    call,
    signer,
    source,
    actor,
    receivedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + lifetimeMs).toISOString(),
    entity,
  };
}

/** Stands in Temporal in clear, so without the signature. */
function summarise(call: StakeCall): string {
  return call.kind === "stake"
    ? `stake ${formatUnits(call.dipAmount, etherDecimals)} DIP of ${call.owner} on ${call.target}`
    : `restake ${call.stakeId} of ${call.owner} to ${call.target}`;
}
