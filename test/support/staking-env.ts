import { fileURLToPath } from "node:url";
import { Client, Connection, WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from "@temporalio/worker";
import type { StakeCall } from "../../src/domain/staking/stake-call.ts";
import {
  signerPolicyDefaults,
  stakeTaskQueues,
  stakeWorkflowIds,
  stakeWorkflowTypes,
} from "../../src/workflows/staking/messages.ts";
import type {
  StakeRequestInput,
  StakeRequestStatus,
} from "../../src/workflows/staking/request-shapes.ts";
import type { SignerInput, SignerStatus } from "../../src/workflows/staking/signer-shapes.ts";
import { FakeStaking } from "./fake-staking.ts";
import { modelCall } from "./model-chain.ts";
import { startTestTemporal, type TestTemporal } from "./temporal.ts";
import { quietRuntime } from "./workflow-env.ts";

/** A real server, real workers, and fake activities over a model chain a test. */
export type StakingEnv = {
  readonly temporal: TestTemporal;
  readonly client: Client;
  /** A chain of its own with workers of its own; its blocks come by themselves unless `blockMs` is null. */
  readonly desk: (options?: { readonly blockMs?: number | null }) => Promise<StakingDesk>;
  readonly stop: () => Promise<void>;
};

export type StakingDesk = {
  readonly chainId: number;
  readonly fake: FakeStaking;
  readonly signer: WorkflowHandle;
  /** Starts the signer, or one with another policy. */
  readonly startSigner: (policy?: Partial<SignerInput["policy"]>) => Promise<WorkflowHandle>;
  /** Any input, so that wrong ones can be sent too. */
  readonly ask: (
    number: number,
    input?: { readonly [name in keyof StakeRequestInput]?: unknown },
  ) => Promise<WorkflowHandle>;
  readonly signerStatus: () => Promise<SignerStatus>;
  readonly stopWorkers: () => Promise<void>;
  readonly startWorkers: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const address = `0x${"ab".repeat(20)}` as const;
let bundle: Promise<{ code: string }> | undefined;
let chains = 900_000;

/** The staking workflows as their worker loads them, built once a process. */
export function stakingBundle(): Promise<{ code: string }> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("../../src/workflows/staking/index.ts", import.meta.url)),
    logger: new DefaultLogger("WARN"),
  });
  return bundle;
}

/** Starts a Temporal dev server; end it with `stop`. */
export async function startStakingEnv(
  options: Parameters<typeof startTestTemporal>[0] = {},
): Promise<StakingEnv> {
  quietRuntime();
  const temporal = await startTestTemporal(options);
  const connection = await Connection.connect({ address: temporal.address });
  const native = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, identity: "test-client" });
  const desks: StakingDesk[] = [];
  return {
    temporal,
    client,
    desk: async ({ blockMs = 200 } = {}) => {
      const desk = await openDesk({ client, native, blockMs });
      desks.push(desk);
      return desk;
    },
    stop: async () => {
      await Promise.all(desks.map((desk) => desk.stop()));
      await native.close();
      await connection.close();
      await temporal.stop();
    },
  };
}

async function openDesk(parts: {
  client: Client;
  native: NativeConnection;
  blockMs: number | null;
}): Promise<StakingDesk> {
  const { client, native, blockMs } = parts;
  chains += 1;
  const chainId = chains;
  const taskQueue = stakeTaskQueues.transactions(chainId);
  const signerId = stakeWorkflowIds.signer(chainId, address);
  const startSigner: StakingDesk["startSigner"] = (policy = {}) =>
    client.workflow.start(stakeWorkflowTypes.signer, {
      workflowId: signerId,
      taskQueue,
      workflowIdConflictPolicy: "USE_EXISTING",
      args: [
        {
          v: 1,
          chainId,
          address,
          policy: { ...signerPolicyDefaults, maxInFlight: 16, ...policy },
        } satisfies SignerInput,
      ],
    });
  const fake = new FakeStaking(async () => {
    await startSigner();
  });
  if (blockMs !== null) fake.startMining(blockMs);
  let stopWorkers = await startWorkers({ native, fake, chainId });
  const signer = client.workflow.getHandle(signerId);
  return {
    chainId,
    fake,
    signer,
    startSigner,
    ask: (number, input = {}) => {
      const whole = requestInput(chainId, modelCall(number), input);
      return client.workflow.start(stakeWorkflowTypes.request, {
        workflowId: stakeWorkflowIds.request(chainId, `0x${number}`),
        taskQueue,
        workflowIdConflictPolicy: "USE_EXISTING",
        workflowIdReusePolicy: "ALLOW_DUPLICATE_FAILED_ONLY",
        args: [whole],
      });
    },
    signerStatus: () => signer.query<SignerStatus>("status"),
    stopWorkers: () => stopWorkers(),
    startWorkers: async () => {
      stopWorkers = await startWorkers({ native, fake, chainId });
    },
    stop: async () => {
      fake.stopMining();
      await stopWorkers();
    },
  };
}

function requestInput(
  chainId: number,
  call: StakeCall,
  input: { readonly [name in keyof StakeRequestInput]?: unknown },
): { readonly [name in keyof StakeRequestInput]: unknown } {
  return {
    v: 1,
    chainId,
    call,
    signer: address,
    source: "client",
    actor: "vitest",
    receivedAt: new Date().toISOString(),
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    entity: null,
    ...input,
  };
}

async function startWorkers(parts: {
  native: NativeConnection;
  fake: FakeStaking;
  chainId: number;
}): Promise<() => Promise<void>> {
  const { signTransactions, ...others } = parts.fake.activities;
  const common = {
    connection: parts.native,
    // Recorded histories hold it: no name of a machine.
    identity: "test-worker",
    maxHeartbeatThrottleInterval: "100ms",
    shutdownGraceTime: "100ms",
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: stakeTaskQueues.transactions(parts.chainId),
      activities: others,
      workflowBundle: await stakingBundle(),
      stickyQueueScheduleToStartTimeout: "1s",
    }),
    Worker.create({
      ...common,
      taskQueue: stakeTaskQueues.signer(parts.chainId),
      activities: { signTransactions },
    }),
  ]);
  const running = workers.map((worker) => worker.run());
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= (async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    })();
    return stopped;
  };
}

/** The outcome of a request, whether it completed or failed. */
export async function outcomeOf(
  handle: WorkflowHandle,
): Promise<{ readonly failedAs: string | null; readonly status: StakeRequestStatus }> {
  try {
    return { failedAs: null, status: await handle.result() };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (!(cause instanceof ApplicationFailure)) throw error;
    const status: unknown = cause.details?.[0];
    if (!isStatus(status)) throw error;
    return { failedAs: cause.type ?? null, status };
  }
}

function isStatus(value: unknown): value is StakeRequestStatus {
  return typeof value === "object" && value !== null && "requestId" in value && "state" in value;
}
