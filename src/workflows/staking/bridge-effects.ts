import { proxyActivities } from "@temporalio/workflow";
import type { StakeActivities } from "./stake-activities.ts";

/**
 * One look at the stream, half a minute. Its heartbeat tells within 10 s that a worker died. Redis or Temporal that is
 * away delays it, and no error ends it: entries that cannot be served are the activity's to report.
 */
export const { pumpStream } = proxyActivities<Pick<StakeActivities, "pumpStream">>({
  startToCloseTimeout: "5 minutes",
  heartbeatTimeout: "10 seconds",
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
  retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "10 seconds" },
});
