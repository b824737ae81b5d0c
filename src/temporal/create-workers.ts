import { type NativeConnection, Worker, type WorkerOptions } from "@temporalio/worker";
import type { IndexActivities, IndexBlocksInput } from "../workflows/index-activities.ts";
import { taskQueues } from "../workflows/messages.ts";
import { failureInterceptor } from "./failure-interceptor.ts";
import { workflowBundles, workflowSource } from "./workflow-source.ts";

export type WorkerPlan = {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly networks: readonly string[];
  /** Activities at once on each network's queues. */
  readonly slots: { readonly headSlots: number; readonly bulkSlots: number };
  /** The activities that ask the nodes of a role. */
  readonly activitiesFor: (role: "head" | "bulk") => IndexActivities;
};

/** Short activities at once: queries and notes that hardly use a CPU. */
const lightSlots = 10;
/** A workflow that falls out of the cache is replayed from its history; a network runs a handful. */
const maxCachedWorkflows = 100;

/**
 * Creates one worker for workflows and light activities, and two for the blocks of each network: the head has slots of
 * its own, so that it never waits behind a backfill.
 */
export async function createWorkers(plan: WorkerPlan): Promise<Worker[]> {
  const light = await Worker.create({
    ...shared(plan),
    ...workflowSource(workflowBundles.index),
    taskQueue: taskQueues.workflows,
    activities: plan.activitiesFor("bulk"),
    maxConcurrentActivityTaskExecutions: lightSlots,
    maxCachedWorkflows,
    shutdownGraceTime: "10 seconds",
    // After a kill, a workflow task waits this long for the dead worker; the default is 10 s.
    stickyQueueScheduleToStartTimeout: "5 seconds",
  });
  const ofNetworks = plan.networks.flatMap((network) => [
    createBlockWorker(plan, taskQueues.head(network), "head"),
    createBlockWorker(plan, taskQueues.bulk(network), "bulk"),
  ]);
  return [light, ...(await Promise.all(ofNetworks))];
}

/** No grace: a chunk outlasts any, and stopped at once it hands over its exact place to the next worker. */
function createBlockWorker(
  plan: WorkerPlan,
  taskQueue: string,
  role: "head" | "bulk",
): Promise<Worker> {
  const activities = plan.activitiesFor(role);
  return Worker.create({
    ...shared(plan),
    taskQueue,
    activities: { indexBlocks: (input: IndexBlocksInput) => activities.indexBlocks(input) },
    maxConcurrentActivityTaskExecutions:
      role === "head" ? plan.slots.headSlots : plan.slots.bulkSlots,
    shutdownGraceTime: 0,
  });
}

function shared({ connection, namespace }: WorkerPlan) {
  return {
    connection,
    namespace,
    interceptors: { activity: [failureInterceptor] },
    // By default a checkpoint reaches the server after 0.8 heartbeat timeouts, and a killed worker loses that much work.
    maxHeartbeatThrottleInterval: "1 second",
  } satisfies Partial<WorkerOptions>;
}
