import {
  type Client,
  QueryNotRegisteredError,
  WorkflowExecutionAlreadyStartedError,
} from "@temporalio/client";
import { callTemporal, glanceTimeoutMs } from "../client/temporal-call.ts";
import { JobNotRunningError, RequestRefusedError } from "../errors.ts";
import { jobAttributes } from "../temporal/search-attributes.ts";
import {
  type SignerPolicy,
  stakeMessageNames,
  stakeTaskQueues,
  stakeWorkflowTypes,
} from "../workflows/staking/messages.ts";
import type { SignerInput, SignerStatus } from "../workflows/staking/signer-shapes.ts";
import { askTemporal } from "./ask-temporal.ts";
import { type SignerName, signerTarget } from "./targets.ts";

/**
 * Starts the signer of an account unless it runs; a running one keeps its policy. Idempotent.
 * @param client - one with the codec, as in all of these.
 */
export async function startSigner(
  client: Client,
  { chainId, address }: SignerName,
  policy: SignerPolicy,
): Promise<{ readonly workflowId: string; readonly started: boolean }> {
  const target = signerTarget({ chainId, address });
  const { workflowId } = target;
  const input: SignerInput = { v: 1, chainId, address, policy };
  try {
    await askTemporal(client, target, () =>
      client.workflow.start(stakeWorkflowTypes.signer, {
        workflowId,
        taskQueue: stakeTaskQueues.transactions(chainId),
        args: [input],
        staticSummary: `sends the transactions of ${address}`,
        // All requests wait for it: its tasks go first.
        priority: { priorityKey: 1 },
        typedSearchAttributes: jobAttributes({ network: `chain-${chainId}`, kind: "signer" }),
      }),
    );
    return { workflowId, started: true };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return { workflowId, started: false };
    }
    throw error;
  }
}

/** @throws {NoWorkerError} @throws {JobNotRunningError} */
export function readSigner(client: Client, signer: SignerName): Promise<SignerStatus> {
  const target = signerTarget(signer);
  return callTemporal(
    client,
    target,
    async () => {
      const handle = client.workflow.getHandle(target.workflowId);
      const { status } = await handle.describe();
      // A closed run answers queries too, with what was true at its end.
      if (status.name !== "RUNNING") {
        throw new JobNotRunningError({ workflowId: target.workflowId, start: target.startCommand });
      }
      return handle.query<SignerStatus>(stakeMessageNames.status);
    },
    glanceTimeoutMs,
  );
}

/** What a person asks of a signer without a value. */
type SignerOrder = "pause" | "resume" | "bump";

/**
 * Pauses (no new nonce; what has one is seen to its end), resumes, or raises the fees of what is not mined.
 * @param body - of a bump: `{ nonce }`, else of all that is under way.
 * @returns what the signer answers. @throws {NoWorkerError} @throws {JobNotRunningError} @throws {RequestRefusedError}
 */
export function orderSigner(
  client: Client,
  signer: SignerName,
  order: SignerOrder,
  body: { readonly nonce?: number } = {},
): Promise<object> {
  return update<object>(client, signer, order, body);
}

/**
 * Changes parts of the policy of a running signer.
 * @returns the whole policy. @throws {NoWorkerError} @throws {JobNotRunningError} @throws {RequestRefusedError}
 */
export function setSignerPolicy(
  client: Client,
  signer: SignerName,
  changes: Partial<SignerPolicy>,
): Promise<SignerPolicy> {
  return update<SignerPolicy>(client, signer, "setPolicy", changes);
}

function update<Answer>(
  client: Client,
  signer: SignerName,
  name: SignerOrder | "setPolicy",
  body: object,
): Promise<Answer> {
  const target = signerTarget(signer);
  return callTemporal(client, target, async () => {
    await assertReadable(client, target.workflowId, body);
    // executeUpdate polls the newest run, which does not know an update that an older one took (as in steer-job.ts).
    const started = await client.workflow
      .getHandle(target.workflowId)
      .startUpdate<Answer, [object]>(stakeMessageNames[name], {
        args: [body],
        waitForStage: "ACCEPTED",
      });
    return started.result();
  });
}

/**
 * Measured: an update whose body the workers cannot decrypt stops every step of the signer until they can. A query with
 * the same body fails alone. @throws {RequestRefusedError}
 */
async function assertReadable(client: Client, workflowId: string, body: object): Promise<void> {
  try {
    await client.workflow
      .getHandle(workflowId)
      .query<SignerStatus, [object]>(stakeMessageNames.status, body);
  } catch (error) {
    if (!(error instanceof QueryNotRegisteredError)) throw error;
    const reason =
      "the workers have not the key that encrypts here (the first of STAKING_CODEC_KEYS); the signer would stand still";
    throw new RequestRefusedError({ reason });
  }
}
