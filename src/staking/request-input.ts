import type { Client } from "@temporalio/client";
import { decodeFromPayloadsAtIndex } from "@temporalio/common/lib/internal-non-workflow/codec-helpers.js";
import { grpcStatus, statusOf } from "../temporal/grpc-status.ts";
import type { StakeRequestInput } from "../workflows/staking/request-shapes.ts";
import { askTemporal } from "./ask-temporal.ts";
import { requestTarget } from "./targets.ts";

/**
 * What a request's workflow was started with, from the first event of its newest run; null where Temporal no longer
 * has it.
 * @throws {TemporalUnavailableError} @throws {UnreadablePayloadError}
 */
export async function readRequestInput(
  client: Client,
  requestId: string,
): Promise<StakeRequestInput | null> {
  try {
    const { history } = await askTemporal(client, requestTarget(requestId), () =>
      client.workflowService.getWorkflowExecutionHistory({
        namespace: client.options.namespace,
        execution: { workflowId: requestId },
        maximumPageSize: 1,
      }),
    );
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    return await decodeFromPayloadsAtIndex<StakeRequestInput>(
      client.workflow.options.loadedDataConverter,
      0,
      started?.input?.payloads ?? null,
    );
  } catch (error) {
    if (statusOf(error) === grpcStatus.notFound) return null;
    throw error;
  }
}
