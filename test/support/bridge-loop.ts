import { setTimeout as sleep } from "node:timers/promises";
import type { Client, WorkflowHandle } from "@temporalio/client";
import type { StakeBridgeInput } from "../../src/workflows/staking/bridge-shapes.ts";
import {
  stakeTaskQueues,
  stakeWorkflowIds,
  stakeWorkflowTypes,
} from "../../src/workflows/staking/messages.ts";
import type { PumpResult, StakeActivities } from "../../src/workflows/staking/stake-activities.ts";
import { stakingBundle } from "./workflow-runtime.ts";
import { startWorkflowServer } from "./workflow-server.ts";

type PumpInput = Parameters<StakeActivities["pumpStream"]>[0];

/** The bridge's workflow on a real server, over a pump that a test scripts. */
export type BridgeLoop = {
  readonly client: Client;
  /** What the pump was asked, oldest first. */
  readonly calls: PumpInput[];
  /** What the next calls answer or throw; each takes some milliseconds. */
  onPump: (input: PumpInput) => Promise<PumpResult>;
  readonly start: (
    input?: Partial<Record<keyof StakeBridgeInput, unknown>>,
  ) => Promise<WorkflowHandle>;
  readonly stop: () => Promise<void>;
};

const chainId = 31337;

export function pumpResult(changes: Partial<PumpResult> = {}): PumpResult {
  return {
    started: 0,
    alreadyKnown: 0,
    poisoned: 0,
    lastPoison: null,
    postponed: 0,
    lastError: null,
    checked: null,
    queue: { unacknowledged: 0, oldestAt: null },
    ...changes,
  };
}

export async function startBridgeLoop(
  options: Parameters<typeof startWorkflowServer>[0] = {},
): Promise<BridgeLoop> {
  const server = await startWorkflowServer(options);
  const taskQueue = stakeTaskQueues.transactions(chainId);
  const loop: BridgeLoop = {
    client: server.client,
    calls: [],
    onPump: async () => pumpResult(),
    start: (input = {}) =>
      server.client.workflow.start(stakeWorkflowTypes.bridge, {
        workflowId: stakeWorkflowIds.bridge(chainId),
        taskQueue,
        args: [{ v: 1, chainId, ...input }],
      }),
    stop: async () => {
      await stopWorkers();
      await server.stop();
    },
  };
  const activities = {
    async pumpStream(input: PumpInput): Promise<PumpResult> {
      loop.calls.push(input);
      await sleep(50);
      return loop.onPump(input);
    },
  };
  const workflowBundle = await stakingBundle();
  const stopWorkers = await server.runWorkers([{ taskQueue, activities, workflowBundle }]);
  return loop;
}
