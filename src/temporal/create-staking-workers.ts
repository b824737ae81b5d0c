import type { DataConverter } from "@temporalio/common";
import { type NativeConnection, Worker, type WorkerOptions } from "@temporalio/worker";
import { stakeTaskQueues } from "../workflows/staking/messages.ts";
import type { StakeActivities } from "../workflows/staking/stake-activities.ts";
import { failureInterceptor } from "./failure-interceptor.ts";
import { workflowBundles, workflowSource } from "./workflow-source.ts";

/** What a worker without a key does. */
export type TransactionActivities = Omit<StakeActivities, "signTransactions" | "pumpStream">;
/** Only where there is a Redis stream. */
export type StreamActivities = Pick<StakeActivities, "pumpStream">;
export type SigningActivities = Pick<StakeActivities, "signTransactions">;

type StakingWorkerPlan<Activities> = {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly chainId: number;
  readonly activities: Activities;
  /** Payloads hold users' signatures. */
  readonly dataConverter: DataConverter;
};

/** Requests wait in short activities of their own; a handful of signers and bridges run all the time. */
const transactionSlots = 100;
/** Requests look at the chain inside their workflow tasks: so many at once, */
const looksAtOnce = 32;
/** and those that wait for their turn must not keep the signer's task out. */
const workflowTasksAtOnce = 500;
/** A batch takes milliseconds. */
const signingSlots = 4;
/** A request that falls out of the cache is replayed from its short history. */
const maxCachedWorkflows = 1_000;

/** The worker of the queue `tx-<chainId>`: all staking workflows, and their activities but the signature. */
export function createTransactionWorker(
  plan: StakingWorkerPlan<TransactionActivities>,
): Promise<Worker> {
  return Worker.create({
    ...shared(plan),
    ...workflowSource(workflowBundles.staking),
    taskQueue: stakeTaskQueues.transactions(plan.chainId),
    maxConcurrentActivityTaskExecutions: transactionSlots,
    maxConcurrentLocalActivityExecutions: looksAtOnce,
    maxConcurrentWorkflowTaskExecutions: workflowTasksAtOnce,
    maxCachedWorkflows,
    // Measured: new requests wait for the 2 pollers that the SDK leaves to the normal queue by default.
    maxConcurrentWorkflowTaskPolls: 20,
    nonStickyToStickyPollRatio: 0.5,
    // After a kill, a workflow task waits this long for the dead worker; the default is 10 s.
    stickyQueueScheduleToStartTimeout: "2 seconds",
  });
}

/** The worker of the queue `signer-<chainId>`: the only one that holds a key, and it does nothing else. */
export function createSigningWorker(plan: StakingWorkerPlan<SigningActivities>): Promise<Worker> {
  return Worker.create({
    ...shared(plan),
    taskQueue: stakeTaskQueues.signer(plan.chainId),
    maxConcurrentActivityTaskExecutions: signingSlots,
  });
}

function shared<Activities extends object>({
  connection,
  namespace,
  activities,
  dataConverter,
}: StakingWorkerPlan<Activities>) {
  return {
    connection,
    namespace,
    activities,
    dataConverter,
    interceptors: { activity: [failureInterceptor] },
    maxHeartbeatThrottleInterval: "1 second",
    shutdownGraceTime: "10 seconds",
  } satisfies Partial<WorkerOptions>;
}
