import { AppError, JobNotRunningError, NoWorkerError, UnreadablePayloadError } from "../errors.ts";
import type { StakingDesk } from "../staking/desk.ts";
import { readSigner } from "../staking/signer-client.ts";
import { signerTarget } from "../staking/targets.ts";
import type { StakeBridgeProgress } from "../workflows/staking/bridge-shapes.ts";
import {
  stakeMessageNames,
  stakeTaskQueues,
  stakeWorkflowIds,
} from "../workflows/staking/messages.ts";
import type { SignerStatus } from "../workflows/staking/signer-shapes.ts";
import { type CallTarget, callTemporal, glanceTimeoutMs } from "./temporal-call.ts";
import { listQueueWorkers, type QueueWorkers } from "./workers.ts";

/** A job of the staking service: what it says, or why it says nothing. */
export type StakingJob<Status> = {
  readonly workflowId: string;
  readonly status: Status | null;
  /** null where it answers. */
  readonly silence: "not running" | "no worker answers" | "other codec keys" | null;
  readonly link: string | null;
};

export type StakingStatus = {
  readonly signer: StakingJob<SignerStatus> | null;
  /** null: no Redis stream is configured. */
  readonly bridge: StakingJob<StakeBridgeProgress> | null;
  readonly workers: readonly QueueWorkers[];
  /** Why nothing can be said: a node has to name the chain first. */
  readonly waitingFor: string | null;
};

/** The signer, the bridge and who works for them. @throws {TemporalUnavailableError} */
export async function readStakingStatus(
  desk: StakingDesk,
  linkTo: (workflowId: string) => string | null,
): Promise<StakingStatus> {
  const client = await desk.client();
  const chainId = await desk.chainId().catch((error: unknown) => {
    if (error instanceof AppError) return error;
    throw error;
  });
  if (typeof chainId !== "number") {
    const [waitingFor = ""] = chainId.message.split("\n");
    return { signer: null, bridge: null, workers: [], waitingFor };
  }
  const name = { chainId, address: desk.signer };
  const { workflowId } = signerTarget(name);
  const bridge = stakeWorkflowIds.bridge(chainId);
  const target = { workflowId: bridge, startCommand: "npm run worker" };
  const [signerJob, bridgeJob, workers] = await Promise.all([
    ask(workflowId, linkTo, () => readSigner(client, name)),
    desk.settings.redis && ask(bridge, linkTo, () => queryBridge(client, target)),
    listQueueWorkers(client, [
      [stakeTaskQueues.transactions(chainId), "workflows"],
      [stakeTaskQueues.transactions(chainId), "activities"],
      [stakeTaskQueues.signer(chainId), "activities"],
    ]),
  ]);
  return { signer: signerJob, bridge: bridgeJob, workers, waitingFor: null };
}

type Client = Awaited<ReturnType<StakingDesk["client"]>>;

function queryBridge(client: Client, target: CallTarget): Promise<StakeBridgeProgress> {
  const handle = client.workflow.getHandle(target.workflowId);
  return callTemporal(
    client,
    target,
    () => handle.query<StakeBridgeProgress>(stakeMessageNames.progress),
    glanceTimeoutMs,
  );
}

async function ask<Status>(
  workflowId: string,
  linkTo: (workflowId: string) => string | null,
  read: () => Promise<Status>,
): Promise<StakingJob<Status>> {
  const named = { workflowId, link: linkTo(workflowId) };
  try {
    return { ...named, status: await read(), silence: null };
  } catch (error) {
    if (error instanceof JobNotRunningError) {
      return { ...named, status: null, silence: "not running" };
    }
    if (error instanceof NoWorkerError) {
      return { ...named, status: null, silence: "no worker answers" };
    }
    if (error instanceof UnreadablePayloadError) {
      return { ...named, status: null, silence: "other codec keys" };
    }
    throw error;
  }
}
