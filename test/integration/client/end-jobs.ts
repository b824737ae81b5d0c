import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import { waitUntil } from "../../../src/dev/wait-until.ts";

/** Ids of devnet's jobs that a text names. */
export function jobIdsIn(text: string): string[] {
  return text.match(/\b(?:follow|backfill|gap-fill)\/devnet(?:\/\d+-\d+)?/g) ?? [];
}

/**
 * Ends what a test left running, and waits until Temporal's list shows it as ended. The list lags behind: a job that was
 * started a moment ago may not stand there yet, so those that may run have to be named.
 */
export async function endJobs(client: Client, workflowIds: Iterable<string>): Promise<void> {
  for (const workflowId of new Set(workflowIds)) await endJob(client, workflowId);
  const query = "ExecutionStatus = 'Running'";
  for await (const { workflowId } of client.workflow.list({ query })) {
    await endJob(client, workflowId);
  }
  await waitUntil(async () => (await client.workflow.count(query)).count === 0, {
    what: "no running workflow",
  });
}

async function endJob(client: Client, workflowId: string): Promise<void> {
  const runId = await newestRun(client, workflowId);
  if (runId === undefined) return;
  await client.workflow
    .getHandle(workflowId, runId)
    .terminate("end of test")
    .catch((error: unknown) => {
      // It has ended by itself.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    });
  const query = `RunId = '${runId}' AND ExecutionStatus != 'Running'`;
  await waitUntil(async () => (await client.workflow.count(query)).count === 1, {
    what: `the list to show ${workflowId} as ended`,
  });
}

/** Whether a job runs now, by Temporal itself and not by its list. */
export async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name === "RUNNING";
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function newestRun(client: Client, workflowId: string): Promise<string | undefined> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
