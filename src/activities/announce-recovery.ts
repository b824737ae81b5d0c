import { activityInfo } from "@temporalio/activity";
import type { RecoveryInput } from "../workflows/index-activities.ts";
import type { Dependencies } from "./ports.ts";

/**
 * Tells the operator's webhook that gap-fill has closed gaps; does nothing where none is configured. A repeated call
 * sends the same id again, so that the receiver can tell.
 * @throws {WebhookRefusedError} When the receiver does not answer 2xx.
 */
export function createAnnounceRecovery({
  announcer,
  now,
}: Pick<Dependencies, "announcer" | "now">) {
  return async function announceRecovery(input: RecoveryInput): Promise<void> {
    const { activityId, workflowExecution } = activityInfo();
    await announcer?.announce({
      id: `${workflowExecution?.runId ?? ""}-${activityId}`,
      type: "blocks.recovered",
      at: now().toISOString(),
      ...input,
    });
  };
}
