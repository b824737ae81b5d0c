import { type Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import { jobAttributes } from "../temporal/search-attributes.ts";
import type { StakeBridgeInput } from "../workflows/staking/bridge-shapes.ts";
import {
  stakeTaskQueues,
  stakeWorkflowIds,
  stakeWorkflowTypes,
} from "../workflows/staking/messages.ts";
import { askTemporal } from "./ask-temporal.ts";

/**
 * Starts the bridge from the Redis stream unless it runs. Idempotent.
 * @param client - one with the codec.
 * @throws {TemporalUnavailableError}
 */
export async function startBridge(
  client: Client,
  chainId: number,
): Promise<{ readonly workflowId: string; readonly started: boolean }> {
  const workflowId = stakeWorkflowIds.bridge(chainId);
  const target = { workflowId, startCommand: "npm run worker" };
  const input: StakeBridgeInput = { v: 1, chainId };
  try {
    await askTemporal(client, target, () =>
      client.workflow.start(stakeWorkflowTypes.bridge, {
        workflowId,
        taskQueue: stakeTaskQueues.transactions(chainId),
        args: [input],
        staticSummary: "turns the Redis stream into requests",
        typedSearchAttributes: jobAttributes({ network: `chain-${chainId}`, kind: "stake-bridge" }),
      }),
    );
    return { workflowId, started: true };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { workflowId, started: false };
  }
}
