import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import { grpcStatus, statusOf } from "../temporal/grpc-status.ts";
import { type JobKind, jobKinds, networkOf, workflowTypes } from "./open-jobs.ts";
import { type CallTarget, callTemporal } from "./temporal-call.ts";

/** One closed run of a job; a job that went on as new has several, also while it runs. */
export type EndedRun = {
  readonly workflowId: string;
  readonly runId: string;
};

/**
 * Lists runs of a network's indexing jobs that closed before a time. Reads Temporal's visibility, which lags by up to
 * some seconds: a run that it calls closed is closed for good.
 * @throws {TemporalUnavailableError}
 */
export async function listEndedRuns(
  client: Client,
  { network, before }: { readonly network: string; readonly before: Date },
): Promise<EndedRun[]> {
  const found = await Promise.all(jobKinds.map((kind) => listKind(client, kind, before)));
  return found.flat().filter(({ workflowId }) => networkOf(workflowId) === network);
}

/** Tens of thousands of runs come page by page. */
const listTimeoutMs = 60_000;

function listKind(client: Client, kind: JobKind, before: Date): Promise<EndedRun[]> {
  const query = `WorkflowType = '${workflowTypes[kind]}' AND ExecutionStatus != 'Running' AND CloseTime < '${before.toISOString()}'`;
  return callTemporal(
    client,
    targetOf(`${kind}/…`),
    async () => {
      const runs: EndedRun[] = [];
      for await (const { workflowId, runId } of client.workflow.list({ query })) {
        if (workflowId.startsWith(`${kind}/`)) runs.push({ workflowId, runId });
      }
      return runs;
    },
    listTimeoutMs,
  );
}

/**
 * Deletes a closed run with its history; what it wrote to ClickHouse stays. Idempotent.
 * @throws {TemporalUnavailableError}
 */
export async function deleteEndedRun(
  client: Client,
  { workflowId, runId }: EndedRun,
): Promise<void> {
  await callTemporal(client, targetOf(workflowId), async () => {
    try {
      // Temporal would end a run that still runs, and without a run id it takes the newest.
      const { status } = await client.workflow.getHandle(workflowId, runId).describe();
      if (status.name === "RUNNING") return;
      await client.workflowService.deleteWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId, runId },
      });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  });
}

const isGone = (error: unknown) =>
  error instanceof WorkflowNotFoundError || statusOf(error) === grpcStatus.notFound;

const targetOf = (workflowId: string): CallTarget => ({
  workflowId,
  startCommand: "npm run client -- status",
});
