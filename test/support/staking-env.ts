import { type Client, WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
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
import type { TestTemporal } from "./temporal.ts";
import { stakingBundle } from "./workflow-runtime.ts";
import { startWorkflowServer, type WorkflowServer } from "./workflow-server.ts";

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
let chains = 900_000;

/** Starts a Temporal dev server; end it with `stop`. */
export async function startStakingEnv(
  options: Parameters<typeof startWorkflowServer>[0] = {},
): Promise<StakingEnv> {
  const server = await startWorkflowServer(options);
  const desks: StakingDesk[] = [];
  return {
    temporal: server.temporal,
    client: server.client,
    desk: async ({ blockMs = 200 } = {}) => {
      const desk = await openDesk(server, blockMs);
      desks.push(desk);
      return desk;
    },
    stop: async () => {
      await Promise.all(desks.map((desk) => desk.stop()));
      await server.stop();
    },
  };
}

async function openDesk(
  { client, runWorkers }: WorkflowServer,
  blockMs: number | null,
): Promise<StakingDesk> {
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
  const startWorkers = async () => {
    const { signTransactions, ...activities } = fake.activities;
    return runWorkers([
      { taskQueue, activities, workflowBundle: await stakingBundle() },
      { taskQueue: stakeTaskQueues.signer(chainId), activities: { signTransactions } },
    ]);
  };
  let stopWorkers = await startWorkers();
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
      stopWorkers = await startWorkers();
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
