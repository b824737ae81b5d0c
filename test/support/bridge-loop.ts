import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection, type WorkflowHandle } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import type { StakeBridgeInput } from "../../src/workflows/staking/bridge-shapes.ts";
import {
  stakeTaskQueues,
  stakeWorkflowIds,
  stakeWorkflowTypes,
} from "../../src/workflows/staking/messages.ts";
import type { PumpResult, StakeActivities } from "../../src/workflows/staking/stake-activities.ts";
import { stakingBundle } from "./staking-env.ts";
import { startTestTemporal, type TestTemporal } from "./temporal.ts";
import { quietRuntime } from "./workflow-env.ts";

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
  options: Parameters<typeof startTestTemporal>[0] = {},
): Promise<BridgeLoop> {
  quietRuntime();
  const temporal: TestTemporal = await startTestTemporal(options);
  const connection = await Connection.connect({ address: temporal.address });
  const native = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, identity: "test-client" });
  const loop: BridgeLoop = {
    client,
    calls: [],
    onPump: async () => pumpResult(),
    start: (input = {}) =>
      client.workflow.start(stakeWorkflowTypes.bridge, {
        workflowId: stakeWorkflowIds.bridge(chainId),
        taskQueue: stakeTaskQueues.transactions(chainId),
        args: [{ v: 1, chainId, ...input }],
      }),
    stop: async () => {
      worker.shutdown();
      await running;
      await native.close();
      await connection.close();
      await temporal.stop();
    },
  };
  const worker = await Worker.create({
    connection: native,
    // Recorded histories hold it: no name of a machine.
    identity: "test-worker",
    taskQueue: stakeTaskQueues.transactions(chainId),
    workflowBundle: await stakingBundle(),
    activities: {
      async pumpStream(input: PumpInput): Promise<PumpResult> {
        loop.calls.push(input);
        await sleep(50);
        return loop.onPump(input);
      },
    },
    shutdownGraceTime: "100ms",
  });
  const running = worker.run();
  return loop;
}
